import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVICE_VERSION } from "@constellation/image/src/containers.ts";
import { bundleService } from "@constellation/testkit/bundle";
import { describePod, type Pod } from "./cluster-objects.ts";
import { HarnessError } from "./error.ts";
import type { Kubectl } from "./kubectl.ts";
import { CHECKOUT } from "./programs.ts";
import { minutes, waitUntil } from "./wait.ts";
import { UNPRIVILEGED } from "./workload.ts";

const RUN_MS = minutes(15);
/** Has Node.js, and is on every node. */
const IMAGE = `constellation.internal/s3proxy:${SERVICE_VERSION}`;

/** A script of `src/scripts`, and who runs it. */
export interface Script {
  /** Name of pod and ConfigMap. */
  readonly name: string;
  readonly namespace: string;
  /** File in `src/scripts`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly serviceAccountName?: string;
  /** Audience of the token in `/key-service-token`; none by default. */
  readonly audience?: string;
  /** Files in `/services-ca`, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a script in a pod of its own, which goes afterwards, and gives the line of JSON that it prints. */
export async function runScript(kubectl: Kubectl, script: Script): Promise<Record<string, unknown>> {
  const { name, namespace } = script;
  const names = ["--namespace", namespace];
  const list = { apiVersion: "v1", kind: "List", items: [filesOf(script, await bundled(script.file)), podOf(script)] };
  // By the server: a script is too long for the annotation in which kubectl would keep what it applied.
  await kubectl.run(["apply", "--server-side", "--validate=false", "--filename=-"], JSON.stringify(list));
  try {
    const phase = await waitUntil({ what: `the end of pod ${name}`, timeoutMs: RUN_MS }, async (note) => {
      const pod = await kubectl.json<Pod>([...names, "get", "pod", name]);
      note(describePod(pod));
      return ["Succeeded", "Failed"].includes(pod.status.phase) ? pod.status.phase : undefined;
    });
    const output = await kubectl.run([...names, "logs", name]);
    if (phase === "Succeeded") return JSON.parse(output) as Record<string, unknown>;
    throw new HarnessError("program_failed", `Run ${script.file} in pod ${name} failed:\n${output.slice(-4_000)}`);
  } finally {
    await kubectl.run([...names, "delete", `pod/${name}`, `configmap/${name}`, "--ignore-not-found", "--wait=false"]);
  }
}

async function bundled(file: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-e2e-script-"));
  try {
    const bundle = join(folder, "script.mjs");
    await bundleService(join(CHECKOUT, "e2e/src/scripts", file), bundle);
    return await readFile(bundle, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}

function filesOf({ name, namespace, files = {} }: Script, bundle: string): object {
  const data = { ...files, "script.mjs": bundle };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data };
}

function podOf({ name, namespace, args, serviceAccountName, audience, files = {}, env = {} }: Script): object {
  const items = (keys: readonly string[]): object[] => keys.map((key) => ({ key, path: key }));
  const token = { serviceAccountToken: { audience, expirationSeconds: 600, path: "token" } };
  const container = {
    name: "script",
    image: IMAGE,
    imagePullPolicy: "Never",
    command: ["/usr/bin/node", "/script/script.mjs", ...args],
    env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
    volumeMounts: [
      { name: "script", mountPath: "/script" },
      { name: "files", mountPath: "/services-ca" },
      ...(audience === undefined ? [] : [{ name: "token", mountPath: "/key-service-token" }]),
    ],
    securityContext: UNPRIVILEGED,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
      automountServiceAccountToken: false,
      restartPolicy: "Never",
      securityContext: { fsGroup: UNPRIVILEGED.runAsUser },
      containers: [container],
      volumes: [
        { name: "script", configMap: { name, items: items(["script.mjs"]) } },
        { name: "files", configMap: { name, items: items(Object.keys(files)) } },
        ...(audience === undefined ? [] : [{ name: "token", projected: { sources: [token] } }]),
      ],
    },
  };
}
