import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { contentKey } from "./cache.ts";
import { DEBIAN_SUITE, debianMirror } from "./debian.ts";
import { installedPackages } from "./debian-packages.ts";
import { BuildError } from "./errors.ts";
import { toolsTreeDir } from "./paths.ts";
import { step } from "./progress.ts";
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

/** File in the tree with the key of the list it was made from. */
const MARK = ".constellation-key";

/** Makes the tools tree where it is missing or was made from another list, and returns its folder. */
export async function ensureToolsTree(signal?: AbortSignal): Promise<string> {
  const tree = toolsTreeDir();
  const key = contentKey(DEBIAN_SUITE, ...PACKAGES);
  const mark = join(tree, MARK);
  if (existsSync(mark) && (await readFile(mark, "utf8")) === key) return tree;
  if (existsSync(tree) && !existsSync(mark)) {
    throw new BuildError("input_missing", `Make tools tree failed: '${tree}' is there and was not made by this build`, {
      hint: "point CONSTELLATION_TOOLS_TREE to a folder that does not exist yet, or leave it unset",
    });
  }
  const draft = `${tree}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(dirname(tree), { recursive: true });
  const args = ["--variant=apt", `--include=${PACKAGES.join(",")}`, DEBIAN_SUITE, draft, await debianMirror()];
  await step("Debian tools", () => run("mmdebstrap", args, signal === undefined ? {} : { signal }));
  await writeFile(join(draft, MARK), key);
  await rm(tree, { recursive: true, force: true });
  await rename(draft, tree);
  return tree;
}

/** What the tools tree is: the key of the list it was made from, and each package with its version. */
export async function identifyToolsTree(): Promise<{ key: string; packages: Record<string, string> }> {
  const tree = await ensureToolsTree();
  return { key: await readFile(join(tree, MARK), "utf8"), packages: await installedPackages(tree) };
}
