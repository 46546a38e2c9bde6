import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, readSync } from "node:fs";
import { delimiter, join } from "node:path";
import { LocalError } from "./errors.ts";
import { cacheFolder } from "./host/cache-folder.ts";

/** A program with the arguments that must stand before its own. */
export interface ToolCommand {
  program: string;
  args: string[];
}

/** The firmware files of one virtual machine model. */
export interface Firmware {
  /** UEFI code, never written. */
  code: string;
  /** Template of the UEFI variable store, copied for each machine. */
  variables: string;
}

/** Oldest versions that work when a tool comes from PATH; QEMU 7.2 is known to corrupt guest memory under TCG. */
const MINIMUM_VERSIONS: Record<string, readonly [number, number]> = {
  "qemu-system-x86_64": [9, 0],
  "qemu-img": [9, 0],
  swtpm: [0, 7],
};

const HINT = "run 'make install' to build the tools tree, or install QEMU 9 or newer, OVMF and swtpm 0.7 or newer";

/** The root of the tools tree: `CONSTELLATION_TOOLS_TREE`, or `tools-tree` in the cache, where `make install` puts it. */
export function toolsTree(): string {
  const override = process.env["CONSTELLATION_TOOLS_TREE"] ?? "";
  return override === "" ? join(cacheFolder(), "tools-tree") : override;
}

/**
 * How to run the program `name`: from the tools tree through the tree's own loader (so that it uses the tree's
 * libraries without chroot or root), else from PATH where the version is good enough.
 * @throws LocalError "tool-missing" | "tool-too-old"
 */
export function toolCommand(name: string): ToolCommand {
  return fromTree(toolsTree(), name) ?? fromPath(name);
}

/**
 * The OVMF files of the tools tree, or of the system.
 * @throws LocalError "firmware-missing"
 */
export function firmware(): Firmware {
  for (const root of [toolsTree(), "/"]) {
    const folder = join(root, "usr/share/OVMF");
    const found = { code: join(folder, "OVMF_CODE_4M.fd"), variables: join(folder, "OVMF_VARS_4M.fd") };
    if (existsSync(found.code) && existsSync(found.variables)) return found;
  }
  throw new LocalError(
    "firmware-missing",
    "Find UEFI firmware failed: no OVMF_CODE_4M.fd, wanted Debian's ovmf files",
    {
      hint: HINT,
    },
  );
}

function fromTree(tree: string, name: string): ToolCommand | undefined {
  const program = ["usr/bin", "usr/sbin", "usr/lib/systemd"].map((d) => join(tree, d, name)).find((p) => existsSync(p));
  const loader = join(tree, "usr/lib64/ld-linux-x86-64.so.2");
  if (program === undefined || !existsSync(loader) || !isElf(program)) return undefined;
  const args = ["--library-path", libraryFolders(tree).join(":"), program, ...dataFolders(tree, name)];
  return { program: loader, args };
}

function libraryFolders(tree: string): string[] {
  const top = join(tree, "usr/lib/x86_64-linux-gnu");
  return [top, join(top, "swtpm"), join(top, "systemd")];
}

/** QEMU looks for its ROMs below its compiled-in prefix, which is not where the tree is. */
function dataFolders(tree: string, name: string): string[] {
  if (!name.startsWith("qemu-system-")) return [];
  return ["qemu", "seabios"].flatMap((folder) => ["-L", join(tree, "usr/share", folder)]);
}

function isElf(path: string): boolean {
  const fd = openSync(path, "r");
  try {
    const magic = new Uint8Array(4);
    return (
      readSync(fd, magic) === 4 && magic[0] === 0x7f && magic[1] === 0x45 && magic[2] === 0x4c && magic[3] === 0x46
    );
  } finally {
    closeSync(fd);
  }
}

function fromPath(name: string): ToolCommand {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"].filter((d) => d !== "");
  const program = folders.map((folder) => join(folder, name)).find(isExecutable);
  if (program === undefined) {
    throw new LocalError("tool-missing", `Find program failed: "${name}" is neither in "${toolsTree()}" nor on PATH`, {
      hint: HINT,
    });
  }
  requireVersion(name, program);
  return { program, args: [] };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const checked = new Set<string>();

function requireVersion(name: string, program: string): void {
  const minimum = MINIMUM_VERSIONS[name];
  if (minimum === undefined || checked.has(program)) return;
  const run = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const version = parseVersion(run.stdout ?? "");
  if (version === undefined || version[0] < minimum[0] || (version[0] === minimum[0] && version[1] < minimum[1])) {
    const got = version === undefined ? "an unknown version" : `"${version.join(".")}"`;
    const wanted = `"${minimum.join(".")}" or newer`;
    throw new LocalError("tool-too-old", `Check "${program}" failed: got ${got}, wanted ${wanted}`, { hint: HINT });
  }
  checked.add(program);
}

/** The first `major.minor` in a program's --version output. */
export function parseVersion(text: string): [number, number] | undefined {
  const match = /(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/** Whether the tools tree is there at all (used by `doctor`-like checks). */
export function toolsTreePresent(): boolean {
  const tree = toolsTree();
  return existsSync(tree) && readdirSync(tree).length > 0;
}
