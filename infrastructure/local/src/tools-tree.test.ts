import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { firmware, parseVersion, toolCommand } from "./tools-tree.ts";

async function environment(t: TestContext): Promise<{ tree: string; bin: string }> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-tools-"));
  const saved = { tree: process.env["CONSTELLATION_TOOLS_TREE"], path: process.env["PATH"] };
  t.after(async () => {
    if (saved.tree === undefined) delete process.env["CONSTELLATION_TOOLS_TREE"];
    else process.env["CONSTELLATION_TOOLS_TREE"] = saved.tree;
    process.env["PATH"] = saved.path;
    await rm(folder, { recursive: true });
  });
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

test("parseVersion() finds the first version", () => {
  assert.deepEqual(parseVersion("QEMU emulator version 10.0.13 (Debian 1:10)"), [10, 0]);
  assert.equal(parseVersion("nothing"), undefined);
});
