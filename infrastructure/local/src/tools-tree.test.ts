import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { LocalError } from "./errors.ts";
import { firmware, parseVersion, toolCommand, toolsTree } from "./tools-tree.ts";

const VARIABLES = ["CONSTELLATION_TOOLS_TREE", "CONSTELLATION_CACHE", "XDG_CACHE_HOME", "HOME", "PATH"];

function restoreAfter(t: TestContext): void {
  const saved = VARIABLES.map((name) => [name, process.env[name]] as const);
  t.after(() => {
    for (const [name, value] of saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

async function environment(t: TestContext): Promise<{ tree: string; bin: string }> {
  restoreAfter(t);
  const folder = await mkdtemp(join(tmpdir(), "constellation-tools-"));
  t.after(() => rm(folder, { recursive: true }));
  const [tree, bin] = [join(folder, "tree"), join(folder, "bin")];
  await mkdir(bin);
  process.env["CONSTELLATION_TOOLS_TREE"] = tree;
  process.env["PATH"] = `${bin}:/usr/bin:/bin`;
  return { tree, bin };
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, content);
  await chmod(path, 0o755);
}

test("toolCommand() runs the tree's program by the tree's loader and library folders", async (t) => {
  const { tree } = await environment(t);
  await put(join(tree, "usr/lib64/ld-linux-x86-64.so.2"), "\x7fELF");
  await put(join(tree, "usr/bin/qemu-system-x86_64"), "\x7fELF");
  const command = toolCommand("qemu-system-x86_64");
  assert.equal(command.program, join(tree, "usr/lib64/ld-linux-x86-64.so.2"));
  assert.deepEqual(command.args.slice(0, 1).concat(command.args.slice(2)), [
    "--library-path",
    join(tree, "usr/bin/qemu-system-x86_64"),
    "-L",
    join(tree, "usr/share/qemu"),
    "-L",
    join(tree, "usr/share/seabios"),
  ]);
});

test("toolCommand() leaves scripts of the tree aside and takes PATH where the version is good", async (t) => {
  const { tree, bin } = await environment(t);
  await put(join(tree, "usr/lib64/ld-linux-x86-64.so.2"), "\x7fELF");
  await put(join(tree, "usr/bin/swtpm"), "#!/bin/sh\n");
  await put(join(bin, "swtpm"), "#!/bin/sh\necho 'TPM emulator version 0.10.1, Copyright'\n");
  assert.deepEqual(toolCommand("swtpm"), { program: join(bin, "swtpm"), args: [] });
});

test("toolCommand() refuses an old program and names one that is missing", async (t) => {
  const { bin } = await environment(t);
  await put(join(bin, "qemu-system-x86_64"), "#!/bin/sh\necho 'QEMU emulator version 7.2.11 (Debian)'\n");
  assert.throws(() => toolCommand("qemu-system-x86_64"), { code: "tool-too-old", message: /"7\.2".*"9\.0" or newer/ });
  assert.throws(() => toolCommand("no-such-program"), { code: "tool-missing", message: /"no-such-program"/ });
});

test("firmware() takes the tree's files", async (t) => {
  const { tree } = await environment(t);
  for (const name of ["OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"]) await put(join(tree, "usr/share/OVMF", name), "x");
  assert.equal(firmware().code, join(tree, "usr/share/OVMF/OVMF_CODE_4M.fd"));
});

test("toolsTree() is where the build puts it: an empty variable counts as none", (t) => {
  restoreAfter(t);
  const cases: [Record<string, string>, string][] = [
    [{ CONSTELLATION_TOOLS_TREE: "/t", CONSTELLATION_CACHE: "/c", XDG_CACHE_HOME: "/x" }, "/t"],
    [{ CONSTELLATION_TOOLS_TREE: "", CONSTELLATION_CACHE: "/c", XDG_CACHE_HOME: "/x" }, "/c/tools-tree"],
    [{ CONSTELLATION_CACHE: "", XDG_CACHE_HOME: "/x" }, "/x/constellation/tools-tree"],
    [{ XDG_CACHE_HOME: "", HOME: "/home/ada" }, "/home/ada/.cache/constellation/tools-tree"],
  ];
  for (const [variables, tree] of cases) {
    for (const name of VARIABLES) delete process.env[name];
    Object.assign(process.env, variables);
    assert.equal(toolsTree(), tree);
  }
});

test("toolCommand() that finds nothing names a target of the Makefile", async (t) => {
  await environment(t);
  process.env["PATH"] = "/nonexistent";
  const makefile = await readFile(join(import.meta.dirname, "../../../Makefile"), "utf8");
  assert.throws(
    () => toolCommand("no-such-program"),
    (error: LocalError) => {
      const target = /'make ([a-z-]+)'/.exec(error.hint ?? "")?.[1];
      assert.match(makefile, new RegExp(`^${target}:`, "m"));
      return error.code === "tool-missing";
    },
  );
});

test("parseVersion() finds the first version", () => {
  assert.deepEqual(parseVersion("QEMU emulator version 10.0.13 (Debian 1:10)"), [10, 0]);
  assert.equal(parseVersion("nothing"), undefined);
});
