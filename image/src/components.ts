import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cached, contentKey, hashTree } from "./cache.ts";
import { imageDir } from "./paths.ts";
import { run } from "./run.ts";

/** Version of Kubernetes in the image. */
export const KUBERNETES_VERSION = "1.36.4";
/** Version of Cilium in the image. */
export const CILIUM_VERSION = "1.19.6";
/** Toolchain of all Go builds; another one gives other bytes. */
const GO_TOOLCHAIN = "go1.26.8";

/** Upstream programs built from one folder of pinned Go modules. */
export interface Component {
  /** Folder below image/components with go.mod and go.sum. */
  readonly name: string;
  /** Program name -> Go main package. */
  readonly programs: Readonly<Record<string, string>>;
  readonly tags?: string;
  /** Go variables set by the linker. */
  readonly variables?: Readonly<Record<string, string>>;
}

const kubernetesVersion = {
  "k8s.io/component-base/version.gitVersion": `v${KUBERNETES_VERSION}`,
  "k8s.io/component-base/version.gitMajor": "1",
  "k8s.io/component-base/version.gitMinor": "36",
  "k8s.io/component-base/version.gitTreeState": "clean",
};

const kubernetesPrograms = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]));

/** Every upstream component, by folder name. */
export const components = {
  kubernetes: {
    name: "kubernetes",
    programs: kubernetesPrograms(["kubelet", "kubeadm", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]),
    variables: kubernetesVersion,
  },
  kubectl: { name: "kubectl", programs: { kubectl: "." }, variables: kubernetesVersion },
  etcd: {
    name: "etcd",
    programs: { etcd: "go.etcd.io/etcd/server/v3", etcdctl: "go.etcd.io/etcd/etcdctl/v3" },
  },
  containerd: {
    name: "containerd",
    programs: {
      containerd: "github.com/containerd/containerd/v2/cmd/containerd",
      "containerd-shim-runc-v2": "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
      ctr: "github.com/containerd/containerd/v2/cmd/ctr",
    },
    tags: "no_btrfs,no_zfs",
  },
  "cni-plugins": {
    name: "cni-plugins",
    programs: { loopback: "github.com/containernetworking/plugins/plugins/main/loopback" },
  },
  coredns: { name: "coredns", programs: { coredns: "github.com/coredns/coredns" } },
  cilium: {
    name: "cilium",
    programs: {
      "cilium-agent": "github.com/cilium/cilium/daemon",
      "cilium-cni": "github.com/cilium/cilium/plugins/cilium-cni",
      "cilium-dbg": "github.com/cilium/cilium/cilium-dbg",
      "cilium-health": "github.com/cilium/cilium/cilium-health",
      "cilium-mount": "github.com/cilium/cilium/tools/mount",
      "cilium-operator-generic": "github.com/cilium/cilium/operator",
      "cilium-sysctlfix": "github.com/cilium/cilium/tools/sysctlfix",
    },
    tags: "osusergo,ipam_provider_operator",
    variables: { "github.com/cilium/cilium/pkg/version.ciliumVersion": CILIUM_VERSION },
  },
  helm: { name: "helm", programs: { helm: "helm.sh/helm/v3/cmd/helm" } },
  registry: { name: "registry", programs: { registry: "github.com/distribution/distribution/v3/cmd/registry" } },
  agnhost: { name: "agnhost", programs: { agnhost: "k8s.io/kubernetes/test/images/agnhost" } },
} as const satisfies Record<string, Component>;

/** Name of a component. */
export type ComponentName = keyof typeof components;

const goEnvironment = {
  CGO_ENABLED: "0",
  GOARCH: "amd64",
  GOOS: "linux",
  GOFLAGS: "-mod=readonly",
  GOTOOLCHAIN: GO_TOOLCHAIN,
};

/**
 * Builds a component's programs and returns the folder they are in.
 *
 * The result depends on the module hashes, the toolchain and the flags alone, and is kept by their content key.
 */
export async function buildComponent(component: Component, signal?: AbortSignal): Promise<string> {
  const source = join(imageDir, "components", component.name);
  const key = contentKey(await hashTree(source), JSON.stringify(component), JSON.stringify(goEnvironment));
  return await cached("components", key, async (dir) => {
    const variables = Object.entries(component.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
    const ldflags = ["-s", "-w", "-buildid=", ...variables].join(" ");
    const tags = component.tags === undefined ? [] : ["-tags", component.tags];
    for (const [program, main] of Object.entries(component.programs)) {
      const args = [
        "build",
        "-trimpath",
        "-buildvcs=false",
        ...tags,
        "-ldflags",
        ldflags,
        "-o",
        join(dir, program),
        main,
      ];
      await run("go", args, { cwd: source, env: goEnvironment, ...(signal === undefined ? {} : { signal }) });
    }
  });
}

/** Folder in the Go module cache that holds the sources of a module a component requires. */
export async function moduleDir(component: ComponentName, module: string): Promise<string> {
  const source = join(imageDir, "components", component);
  await readFile(join(source, "go.mod"));
  const args = ["mod", "download", "-json", module];
  const answer: { Dir: string } = JSON.parse(await run("go", args, { cwd: source, env: goEnvironment }));
  return answer.Dir;
}
