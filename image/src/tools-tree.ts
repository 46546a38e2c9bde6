import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { contentKey } from "./cache.ts";
import { DEBIAN_SUITE, debianMirror } from "./debian.ts";
import { toolsTreeDir } from "./paths.ts";
import { run } from "./run.ts";

/** What builds and local clusters run: from Debian stable, whatever the machine's own release is. */
const PACKAGES = [
  "cpio",
  "cryptsetup-bin",
  "dosfstools",
  "e2fsprogs",
  "erofs-utils",
  "iproute2",
  "kmod",
  "mkosi",
  "mtools",
  "ovmf",
  "python3-pefile",
  "qemu-system-x86",
  "qemu-utils",
  "sbsigntool",
  "swtpm",
  "swtpm-tools",
  "systemd-boot-efi",
  "systemd-repart",
  "systemd-ukify",
  "zstd",
];

/** Makes the tools tree where it is missing or was made from another list, and returns its folder. */
export async function ensureToolsTree(signal?: AbortSignal): Promise<string> {
  const tree = toolsTreeDir();
  const key = contentKey(DEBIAN_SUITE, ...PACKAGES);
  const mark = join(tree, ".constellation-key");
  if (existsSync(mark) && (await readFile(mark, "utf8")) === key) return tree;
  const draft = `${tree}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(dirname(tree), { recursive: true });
  const args = ["--variant=apt", `--include=${PACKAGES.join(",")}`, DEBIAN_SUITE, draft, await debianMirror()];
  await run("mmdebstrap", args, signal === undefined ? {} : { signal });
  await writeFile(join(draft, ".constellation-key"), key);
  await rm(tree, { recursive: true, force: true });
  await rename(draft, tree);
  return tree;
}
