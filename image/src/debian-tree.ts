import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, contentKey } from "./cache.ts";
import { DEBIAN_SUITE, debianMirror } from "./debian.ts";
import { type DebianPackage, packagesInArchive } from "./debian-packages.ts";
import { step } from "./progress.ts";
import { run } from "./run.ts";

/** What each tree that a container layer is made from has, besides what it depends on. */
const TREES = {
  cilium: [
    "base-files",
    "base-passwd",
    "bash",
    "ca-certificates",
    "clang-19",
    "coreutils",
    "dash",
    "grep",
    "iproute2",
    "iptables",
    "kmod",
    "libc-bin",
    "mount",
    "sed",
    "util-linux",
  ],
  csi: ["base-files", "cryptsetup-bin", "dmsetup", "e2fsprogs", "libc-bin", "mount", "util-linux", "xfsprogs"],
  node: ["libc6", "libgcc-s1", "libstdc++6", "base-files"],
  pause: ["catatonit"],
} as const;

/** Name of a tree. */
type DebianTree = keyof typeof TREES;

/** File beside a tree's `root` that lists its packages. */
const PACKAGES = "packages.json";

/** Unpacked Debian packages in `root`, with their dependencies, without what only people read. */
export async function debianTree(name: DebianTree): Promise<string> {
  const packages = TREES[name];
  return await cached(`debian-${name}`, contentKey("4", DEBIAN_SUITE, ...packages), (dir) =>
    step(`Debian packages for containers: ${name}`, () => unpackTree(name, dir)),
  );
}

async function unpackTree(name: DebianTree, dir: string): Promise<void> {
  const args = [
    "--variant=extract",
    `--include=${TREES[name].join(",")}`,
    "--aptopt=APT::Install-Recommends false",
    // Leaves the package files: nothing is installed, so dpkg knows of nothing.
    "--skip=cleanup/apt",
    "--format=directory",
    DEBIAN_SUITE,
    join(dir, "root"),
    await debianMirror(),
  ];
  await run("mmdebstrap", args, { env: { SOURCE_DATE_EPOCH: "1767225600" } });
  const root = join(dir, "root");
  const unpacked = await packagesInArchive(join(root, "var/cache/apt/archives"));
  await writeFile(join(dir, PACKAGES), JSON.stringify(unpacked));
  // What only people read, and what mmdebstrap takes over from the machine that builds.
  const unread = [
    "etc/hostname",
    "etc/resolv.conf",
    "etc/apt/sources.list",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/include",
    "usr/lib/gcc",
    "usr/lib/linux",
    "var/cache",
    "var/log",
    "var/lib/apt",
    "var/lib/dpkg",
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
  ];
  for (const path of unread) await rm(join(root, path), { recursive: true, force: true });
  for (const path of ["dev", "proc", "sys", "run", "tmp", "var/run"])
    await mkdir(join(root, path), { recursive: true });
  await chmod(join(root, "tmp"), 0o1777);
}

/** The packages of every tree, dependencies with them. */
export async function treePackages(): Promise<Record<DebianTree, DebianPackage[]>> {
  const lists = (Object.keys(TREES) as DebianTree[]).map(async (name) => {
    const text = await readFile(join(await debianTree(name), PACKAGES), "utf8");
    return [name, JSON.parse(text)] as const;
  });
  return Object.fromEntries(await Promise.all(lists)) as Record<DebianTree, DebianPackage[]>;
}
