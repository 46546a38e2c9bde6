import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cached, contentKey, hashTree } from "./cache.ts";
import { BuildError } from "./errors.ts";
import { imageDir } from "./paths.ts";
import { step } from "./progress.ts";
import { run } from "./run.ts";

/** Version of Kubernetes in the image. */
export const KUBERNETES_VERSION = "1.36.4";
/** Version of Cilium in the image. */
export const CILIUM_VERSION = "1.19.6";
/** Toolchain of all Go builds; another one gives other bytes. */
export const GO_TOOLCHAIN = "go1.26.8";

/** Upstream programs built from one folder of pinned Go modules. */
export interface Component {
  readonly name: string;
  /** Folder below image/components with go.mod and go.sum; that of the same name by default. */
  readonly folder?: string;
  /** Program name -> Go main package. */
  readonly programs: Readonly<Record<string, string>>;
  readonly tags?: string;
  /** Go variables set by the linker. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Constants of upstream that have no setting; the reason of each stands with it. */
  readonly edits?: readonly Edit[];
  /** Built only where it is named: it takes long, and few need it. */
  readonly onDemand?: true;
}

/** One piece of one upstream file, replaced for the build alone. */
export interface Edit {
  /** Module and version. */
  readonly module: string;
  /** Path in the module. */
  readonly file: string;
  /** What is there, exactly once. */
  readonly from: string;
  readonly to: string;
}

const kubernetesVersion = {
  "k8s.io/component-base/version.gitVersion": `v${KUBERNETES_VERSION}`,
  "k8s.io/component-base/version.gitMajor": "1",
  "k8s.io/component-base/version.gitMinor": "36",
  "k8s.io/component-base/version.gitTreeState": "clean",
};

const kubernetesPrograms = (names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`]));

/** Every upstream component, by name. */
export const components = {
  kubernetes: {
    name: "kubernetes",
    programs: kubernetesPrograms(["kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]),
    variables: kubernetesVersion,
  },
  kubeadm: {
    name: "kubeadm",
    folder: "kubernetes",
    programs: kubernetesPrograms(["kubeadm"]),
    variables: kubernetesVersion,
    // How long one call to etcd may take, connection included; some are not repeated. While a new member catches up, an
    // emulated one takes longer.
    edits: [
      {
        module: `k8s.io/kubernetes@v${KUBERNETES_VERSION}`,
        file: "cmd/kubeadm/app/util/etcd/etcd.go",
        from: "etcdTimeout = 2 * time.Second",
        to: "etcdTimeout = 30 * time.Second",
      },
    ],
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
    edits: [
      // Bounds on how long the agent's compiler may take. When one is missed the work so far is thrown away and begun
      // anew: on slow machines for ever. What hangs is still ended.
      {
        file: "pkg/defaults/defaults.go",
        from: "ExecTimeout = 300 * time.Second",
        to: "ExecTimeout = 1800 * time.Second",
      },
      {
        file: "pkg/endpoint/bpf.go",
        from: "EndpointGenerationTimeout = 330 * time.Second",
        to: "EndpointGenerationTimeout = 1800 * time.Second",
      },
      { file: "pkg/api/const.go", from: "ClientTimeout = 90 * time.Second", to: "ClientTimeout = 1800 * time.Second" },
      // On a fresh node the agent compiles everything, learns the number of its host endpoint and the address it has
      // itself given to cilium_host, and compiles everything again. It waits for the number, and the address counts for
      // nothing: the programs are made from addresses of other devices.
      {
        file: "pkg/datapath/orchestrator/orchestrator.go",
        from: '\thealth.OK("Initializing")\n',
        to: [
          '\thealth.OK("Waiting for the host endpoint")',
          "\tfor node.GetEndpointID() == 0xffff {",
          "\t\tselect {",
          "\t\tcase <-ctx.Done():",
          "\t\t\treturn nil",
          "\t\tcase <-time.After(100 * time.Millisecond):",
          "\t\t}",
          "\t}",
          '\thealth.OK("Initializing")\n',
        ].join("\n"),
      },
      {
        file: "pkg/datapath/orchestrator/localnodeconfig.go",
        from: "statedb.Collect(nodeAddrsIter)",
        to: 'statedb.Collect(statedb.Filter(nodeAddrsIter, func(a tables.NodeAddress) bool { return a.DeviceName != "cilium_host" }))',
      },
    ].map((edit) => ({ module: `github.com/cilium/cilium@v${CILIUM_VERSION}`, ...edit })),
  },
  helm: { name: "helm", programs: { helm: "helm.sh/helm/v3/cmd/helm" } },
  registry: { name: "registry", programs: { registry: "github.com/distribution/distribution/v3/cmd/registry" } },
  // For tests alone: the store behind the S3 proxy, the CSI specification's conformance tests, pods of the e2e tests.
  minio: { name: "minio", programs: { minio: "github.com/minio/minio" } },
  "csi-sanity": {
    name: "csi-sanity",
    programs: { "csi-sanity": "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity" },
  },
  agnhost: { name: "agnhost", programs: { agnhost: "k8s.io/kubernetes/test/images/agnhost" } },
  // For tests of one KMS; more than two thousand packages. Later versions need an SDK that is in their own repository alone.
  vault: { name: "vault", programs: { vault: "github.com/hashicorp/vault" }, onDemand: true },
} as const satisfies Record<string, Component>;

/** Name of a component. */
export type ComponentName = keyof typeof components;

/** The component that has a program of this name. */
export function componentOf(program: string): Component | undefined {
  return Object.values(components).find(({ programs }) => program in programs);
}

const goEnvironment = {
  CGO_ENABLED: "0",
  GOARCH: "amd64",
  GOOS: "linux",
  // Whatever else of the user's settings would change bytes; a go.work above a folder that is built in, above all.
  GOAMD64: "v1",
  GOEXPERIMENT: "",
  GOFLAGS: "-mod=readonly",
  GOTOOLCHAIN: GO_TOOLCHAIN,
  GOWORK: "off",
};

/**
 * Builds a component's programs and returns the folder they are in.
 *
 * The result depends on the module hashes, the toolchain and the flags alone, and is kept by their content key.
 */
export async function buildComponent(component: Component, signal?: AbortSignal): Promise<string> {
  const source = componentSource(component);
  const key = contentKey(await hashTree(source), JSON.stringify(component), JSON.stringify(goEnvironment));
  return await cached("components", key, (dir) => step(component.name, () => compile(component, source, dir, signal)));
}

async function compile(component: Component, source: string, dir: string, signal?: AbortSignal): Promise<void> {
  const variables = Object.entries(component.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const ldflags = ["-s", "-w", "-buildid=", ...variables].join(" ");
  const tags = component.tags === undefined ? [] : ["-tags", component.tags];
  const flags = ["-trimpath", "-buildvcs=false", ...tags, "-ldflags", ldflags];
  const options = { env: goEnvironment, ...(signal === undefined ? {} : { signal }) };
  const edited =
    component.edits === undefined ? undefined : await copyWithEdits(join(dir, ".edited"), component, component.edits);
  try {
    for (const [program, main] of Object.entries(component.programs)) {
      await run("go", ["build", ...flags, "-o", join(dir, program), main], { cwd: edited ?? source, ...options });
    }
  } finally {
    if (edited !== undefined) await rm(edited, { recursive: true, force: true });
  }
}

/**
 * Copies a component's folder to `folder`, with the edited modules in it by relative paths: what is built does not
 * depend on where. The module cache stays as it is.
 */
async function copyWithEdits(folder: string, component: Component, edits: readonly Edit[]): Promise<string> {
  await cp(componentSource(component), folder, { recursive: true });
  for (const edit of edits) {
    const [module = ""] = edit.module.split("@");
    const copy = join(folder, editedPath(module));
    if (!existsSync(copy)) {
      await mkdir(dirname(copy), { recursive: true });
      // The module cache is read-only, and so would be a plain copy.
      await run("cp", ["--recursive", "--no-preserve=mode", await moduleDir(component, edit.module), copy]);
      await run("go", ["mod", "edit", `-replace=${module}=${editedPath(module)}`], { cwd: folder, env: goEnvironment });
    }
    const path = join(copy, edit.file);
    await writeFile(path, applyEdit(edit, await readFile(path, "utf8")));
  }
  return folder;
}

/** Where an edited module is, seen from the folder that is built in; it stands in the programs' build information. */
export function editedPath(module: string): string {
  return `./edited/${module}`;
}

/** The text with the edit made. @throws BuildError `input_missing` if upstream's text is not there exactly once */
export function applyEdit({ module, file, from, to }: Edit, text: string): string {
  const pieces = text.split(from);
  if (pieces.length === 2) return pieces.join(to);
  const found = pieces.length - 1;
  throw new BuildError("input_missing", `Edit ${file} of ${module} failed: got '${from}' ${found} times, wanted once`);
}

/** Folder with a component's go.mod and go.sum. */
export function componentSource({ name, folder }: Component): string {
  return join(imageDir, "components", folder ?? name);
}

/** Folder in the Go module cache that holds the sources of a module a component requires. */
export async function moduleDir(component: Component, module: string): Promise<string> {
  const source = componentSource(component);
  await readFile(join(source, "go.mod"));
  const args = ["mod", "download", "-json", module];
  const answer: { Dir: string } = JSON.parse(await run("go", args, { cwd: source, env: goEnvironment }));
  return answer.Dir;
}
