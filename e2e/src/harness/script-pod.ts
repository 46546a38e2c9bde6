import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { SERVICE_VERSION } from "@constellation/image/src/containers.ts";
import { bundleService } from "@constellation/testkit/bundle";
import { describePod, type Pod } from "./cluster-objects.ts";
import { HarnessError } from "./error.ts";
import type { Kubectl } from "./kubectl.ts";
import { CHECKOUT } from "./programs.ts";
import { say } from "./say.ts";
import { minutes, waitUntil } from "./wait.ts";
import { UNPRIVILEGED } from "./workload.ts";

const RUN_MS = minutes(15);
const SCRIPTS = join(CHECKOUT, "e2e/src/scripts");
/** Programs are where Debian has them; there is no udev in a container, so that libdevmapper makes its nodes itself. */
const PRIVILEGED_ENV = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DM_DISABLE_UDEV: "1" };

/** A script, and who runs it. */
export interface Script {
  /** Name of pod and ConfigMap. */
  readonly name: string;
  readonly namespace: string;
  /** File in `src/scripts`, or a whole path. */
  readonly file: string;
  readonly args: readonly string[];
  readonly serviceAccountName?: string;
  /** Audience of the token in `/key-service-token`; none by default. */
  readonly audience?: string;
  /** Files in `/services-ca`, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whose image: each has Node.js and is on every node; s3proxy's by default. */
  readonly image?: "csi" | "s3proxy";
  /** As root, with the node's devices in `/dev`, and memory in `/run` and, at most this much, in `/work`. */
  readonly privileged?: { readonly memory: string };
  /** How long it may run; a quarter of an hour by default. */
  readonly timeoutMs?: number;
}

/** Runs a script in a pod of its own, which goes afterwards, and gives the line of JSON that it prints last. */
export async function runScript(kubectl: Kubectl, script: Script): Promise<Record<string, unknown>> {
  const { name, namespace, timeoutMs = RUN_MS } = script;
  const names = ["--namespace", namespace];
  const list = {
    apiVersion: "v1",
    kind: "List",
    items: [filesOf(script, await bundled(script.file)), scriptPod(script)],
  };
  // By the server: a script is too long for the annotation in which kubectl would keep what it applied.
  await kubectl.run(["apply", "--server-side", "--validate=false", "--filename=-"], JSON.stringify(list));
  try {
    const phase = await waitUntil({ what: `the end of pod ${name}`, timeoutMs }, async (note) => {
      const pod = await kubectl.json<Pod>([...names, "get", "pod", name]);
      note(describePod(pod));
      return ["Succeeded", "Failed"].includes(pod.status.phase) ? pod.status.phase : undefined;
    });
    const output = (await kubectl.run([...names, "logs", name])).trimEnd();
    if (phase === "Succeeded") return JSON.parse(output.slice(output.lastIndexOf("\n") + 1)) as Record<string, unknown>;
    throw new HarnessError("program_failed", `Run ${script.file} in pod ${name} failed:\n${output.slice(-4_000)}`);
  } catch (error) {
    // What it has said so far; its pod goes now.
    if (!(error instanceof HarnessError && error.code === "program_failed")) {
      say(await kubectl.run([...names, "logs", name]).catch(String));
    }
    throw error;
  } finally {
    const objects = [`pod/${name}`, `configmap/${name}`];
    // A pod that stays is no reason to lose what it found.
    await kubectl
      .run([...names, "delete", ...objects, "--ignore-not-found", "--wait=false"])
      .catch((error: unknown) => say(String(error)));
  }
}

async function bundled(file: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-e2e-script-"));
  try {
    const bundle = join(folder, "script.mjs");
    await bundleService(resolve(SCRIPTS, file), bundle);
    return await readFile(bundle, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}

function filesOf({ name, namespace, files = {} }: Script, bundle: string): object {
  const data = { ...files, "script.mjs": bundle };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
}

/** The pod of a script; what it runs is in a ConfigMap of its name. */
export function scriptPod({
  name,
  namespace,
  args,
  serviceAccountName,
  audience,
  files = {},
  env = {},
  image = "s3proxy",
  privileged,
}: Script): object {
  const items = (keys: readonly string[]): object[] => keys.map((key) => ({ key, path: key }));
  const token = { serviceAccountToken: { audience, expirationSeconds: 600, path: "token" } };
  const more = privileged === undefined ? [] : privilegedVolumes(privileged.memory);
  const all = privileged === undefined ? env : { ...PRIVILEGED_ENV, ...env };
  const container = {
    name: "script",
    image: `constellation.internal/${image}:${SERVICE_VERSION}`,
    imagePullPolicy: "Never",
    command: ["/usr/bin/node", "/script/script.mjs", ...args],
    env: Object.entries(all).map(([key, value]) => ({ name: key, value })),
    volumeMounts: [
      { name: "script", mountPath: "/script" },
      { name: "files", mountPath: "/services-ca" },
      ...(audience === undefined ? [] : [{ name: "token", mountPath: "/key-service-token" }]),
      ...more.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` })),
    ],
    securityContext: privileged === undefined ? UNPRIVILEGED : { privileged: true, readOnlyRootFilesystem: true },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      // Emulated nodes may be silent for longer than Kubernetes leaves pods on them.
      tolerations: [{ operator: "Exists", effect: "NoExecute" }],
      // Without a network of its own, nothing has to be compiled for it meanwhile.
      ...(privileged === undefined ? { securityContext: { fsGroup: UNPRIVILEGED.runAsUser } } : { hostNetwork: true }),
      containers: [container],
      volumes: [
        { name: "script", configMap: { name, items: items(["script.mjs"]) } },
        { name: "files", configMap: { name, items: items(Object.keys(files)) } },
        ...(audience === undefined ? [] : [{ name: "token", projected: { sources: [token] } }]),
        ...more,
      ],
    },
  };
}

/** Volumes that are mounted at the root under their names. */
function privilegedVolumes(memory: string): readonly { readonly name: string; readonly [source: string]: unknown }[] {
  return [
    { name: "dev", hostPath: { path: "/dev", type: "Directory" } },
    { name: "run", emptyDir: { medium: "Memory" } },
    { name: "work", emptyDir: { medium: "Memory", sizeLimit: memory } },
  ];
}
