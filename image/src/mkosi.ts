import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./bundle.ts";
import { buildComponent, components } from "./components.ts";
import { type Bundles, NODE_IN_LAYER, stageContainers } from "./containers.ts";
import { DEBIAN_SUITE, debianMirror } from "./debian.ts";
import { type DebianPackage, packagesOfManifest } from "./debian-packages.ts";
import { writeImages } from "./oci.ts";
import { writeManifests } from "./manifests.ts";
import { cacheDir, checkoutDir, imageDir } from "./paths.ts";
import { run } from "./run.ts";
import { ensureToolsTree } from "./tools-tree.ts";

/** Which image: `release` is the one to use; `debug` has fault injection and so other measurements. */
export type Flavour = "release" | "debug";

/**
 * Makes the tree of our files that goes over Debian's: programs, container layers, manifests, the agent. Says what is
 * bundled into our own programs.
 */
export async function stageExtraTree(tree: string, stage: string, flavour: Flavour): Promise<Bundles> {
  await mkdir(join(tree, "usr/bin"), { recursive: true });
  await mkdir(join(tree, "opt/cni/bin"), { recursive: true });
  const constellation = join(tree, "usr/lib/constellation");
  const { images, nodeLayer, bundles } = await stageContainers(stage);
  await writeImages(join(constellation, "images"), images);
  await writeManifests(join(constellation, "manifests"));
  const agent = await bundle(join(checkoutDir, "node/src/main.ts"), join(constellation, "constellation-node.mjs"), {
    debugImage: flavour === "debug",
  });
  await linkNode(tree, nodeLayer);
  const hostPrograms = {
    kubernetes: ["kubelet"],
    kubeadm: ["kubeadm"],
    kubectl: ["kubectl"],
    containerd: ["containerd", "containerd-shim-runc-v2"],
  } as const;
  for (const [component, programs] of Object.entries(hostPrograms)) {
    const built = await buildComponent(components[component as keyof typeof hostPrograms]);
    for (const program of programs) await cp(join(built, program), join(tree, "usr/bin", program));
  }
  await cp(join(await buildComponent(components["cni-plugins"]), "loopback"), join(tree, "opt/cni/bin/loopback"));
  await cp(join(await buildComponent(components.cilium), "cilium-cni"), join(tree, "opt/cni/bin/cilium-cni"));
  return { ...bundles, "constellation-node": agent };
}

/** The host runs Node.js from the services' layer: one copy in the image and in memory. */
async function linkNode(tree: string, nodeLayer: string): Promise<void> {
  const layers = "usr/lib/constellation/images/layers";
  const { tarDigest } = await import("./tar.ts");
  const target = join("/", layers, await tarDigest(nodeLayer), NODE_IN_LAYER);
  await run("ln", ["-s", target, join(tree, "usr/bin/node")]);
}

/** mkosi's lists of the Debian packages in root and initrd. */
const MANIFESTS = { root: "packages.json", initrd: "initrd-packages.json" } as const;

/** Runs mkosi over the staged tree and leaves `constellation.raw`, `.efi` and the lists of packages in `output`. */
export async function runMkosi(
  output: string,
  extraTree: string,
  flavour: Flavour,
  signal?: AbortSignal,
): Promise<void> {
  const tools = await ensureToolsTree(signal);
  const work = join(output, "work");
  const sandbox = join(work, "sandbox");
  await writeSources(sandbox);
  const packages = packageCache();
  await mkdir(packages, { recursive: true });
  const args = [
    "-m",
    "mkosi",
    `--tools-tree=${tools}`,
    `--sandbox-tree=${sandbox}`,
    `--extra-tree=${extraTree}`,
    `--output-directory=${output}`,
    `--workspace-directory=${work}`,
    `--package-cache-directory=${packages}`,
    ...(flavour === "debug" ? ["--profile=debug"] : []),
    "--force",
    "build",
  ];
  await run("python3", args, {
    cwd: join(imageDir, "mkosi"),
    env: { PYTHONPATH: join(tools, "usr/lib/python3/dist-packages"), PYTHONDONTWRITEBYTECODE: "1" },
    logFile: join(output, "mkosi.log"),
    ...(signal === undefined ? {} : { signal }),
  });
  await rm(work, { recursive: true, force: true });
  await rm(join(output, "constellation"), { force: true });
  await rename(join(output, "constellation.manifest"), join(output, MANIFESTS.root));
  await rename(join(output, "initrd.manifest"), join(output, MANIFESTS.initrd));
}

/** The packages of root and initrd, from the lists in `output`. */
export async function imagePackages(output: string): Promise<Record<keyof typeof MANIFESTS, DebianPackage[]>> {
  const archive = join(packageCache(), "cache/apt/archives");
  return {
    root: await packagesOfManifest(join(output, MANIFESTS.root), archive),
    initrd: await packagesOfManifest(join(output, MANIFESTS.initrd), archive),
  };
}

/** Where mkosi keeps what apt downloads. */
function packageCache(): string {
  return join(cacheDir(), "packages");
}

/** apt sources for mkosi, from this machine's own mirror; the default ones name an archive that is not everywhere. */
async function writeSources(sandbox: string): Promise<void> {
  const dir = join(sandbox, "etc/apt/sources.list.d");
  await mkdir(dir, { recursive: true });
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const mirror = await debianMirror();
  const source = (uri: string, suites: string): string =>
    `Types: deb\nURIs: ${uri}\nSuites: ${suites}\nComponents: main\nSigned-By: ${key}\n`;
  const security = `${mirror}-security`;
  const text = [
    source(mirror, `${DEBIAN_SUITE} ${DEBIAN_SUITE}-updates`),
    source(security, `${DEBIAN_SUITE}-security`),
  ].join("\n");
  await writeFile(join(dir, "mkosi.sources"), text);
}
