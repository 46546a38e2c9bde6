import assert from "node:assert/strict";
import { resetNode } from "@constellation/infrastructure-local";
import { bootsOf, untilReady } from "../harness/boots.ts";
import { cli } from "../harness/cli.ts";
import type { List, Pod } from "../harness/cluster-objects.ts";
import { DebugShell } from "../harness/debug-shell.ts";
import { storedSecret } from "../harness/etcd.ts";
import { holderReady, inHolder, readHolder } from "../harness/holder.ts";
import type { Kubectl } from "../harness/kubectl.ts";
import { createMarker } from "../harness/marker.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { say } from "../harness/say.ts";
import { runScript, type Script } from "../harness/script-pod.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { holderClaim, holderPod, VAULT } from "../harness/volume-workload.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { NAMESPACE, namespace } from "../harness/workload.ts";

const [CONTROL_PLANE, WORKER] = ["control-plane-0", "worker-0"] as const;
const AUDIENCE = "key-service.constellation.internal";
const SERVICES_CA = { namespace: "kube-system", name: "constellation-services-ca" } as const;
const CSI = { namespace: "kube-system", name: "csi" } as const;
const VOLUME_ID = "6f1ff6f3-6a0b-4d5c-8f7b-2a4f1f3c9d10";
const SIZE = "256Mi";
/** Longer than all that happens meanwhile may take. */
const ROTATION_MINUTES = 150;
/** The layer looks every ten minutes; a volume that it can't do then waits for the next time. */
const VOLUMES_FOLLOW_MS = minutes(40);
const BOOT_MS = minutes(30);

interface KeysSeen {
  readonly current: number;
  readonly volumes: { readonly total: number; readonly older: readonly string[] };
}

interface Outcome {
  readonly outcome: string;
  readonly code?: string;
}

/** Who gets no key from the key service, and that its log says so. */
export function showKeyService(shared: SharedCluster): void {
  const cases: readonly {
    readonly title: string;
    readonly script: Pick<Script, "namespace" | "serviceAccountName" | "audience">;
    readonly keyId: "disk" | "volume";
    readonly code?: string;
  }[] = [
    {
      title: "a pod that is neither csi nor s3proxy",
      script: { namespace: NAMESPACE, audience: AUDIENCE },
      keyId: "volume",
      code: "caller_unknown",
    },
    {
      title: "a pod of csi whose token is for the API server",
      script: { namespace: CSI.namespace, serviceAccountName: CSI.name, audience: "https://kubernetes.default.svc" },
      keyId: "volume",
      code: "token_refused",
    },
    {
      title: "csi, asking for the disk key of a node,",
      script: { namespace: CSI.namespace, serviceAccountName: CSI.name, audience: AUDIENCE },
      keyId: "disk",
      code: "namespace_forbidden",
    },
    {
      title: "csi, asking for a volume's key,",
      script: { namespace: CSI.namespace, serviceAccountName: CSI.name, audience: AUDIENCE },
      keyId: "volume",
    },
  ];
  for (const [index, { title, script, keyId, code }] of cases.entries()) {
    const verb = code === undefined ? "gets it" : `gets no key: ${code}`;
    show(`${title} ${verb}, and the audit names it`, shared, async (cluster) => {
      const kubectl = await cluster.kubectl();
      await kubectl.apply(namespace());
      const id = keyId === "volume" ? `volume/${VOLUME_ID}` : await diskKeyId(kubectl);
      const name = `ask-key-${index}`;
      const files = { "ca.crt": await servicesCa(kubectl) };
      const seen = await runScript(kubectl, { ...script, name, file: "ask-key.ts", args: [id], files });
      say(JSON.stringify(seen));
      const { outcome, code: got } = seen as unknown as Outcome;
      assert.deepEqual({ outcome, code: got }, { outcome: code === undefined ? "granted" : "refused", code });
      const entry = (await audit(kubectl)).findLast((line) => line["pod"] === name || line["keyId"] === id);
      say(JSON.stringify(entry));
      assert.equal(entry?.["outcome"], outcome);
      assert.equal(entry?.["code"], code);
      if (keyId === "disk") assert.deepEqual([entry?.["caller"], entry?.["pod"]], ["csi", name]);
    });
  }
}

/** A new generation of the master secret reaches volumes in use, disks of nodes that boot, and secrets in etcd. */
export function showRotation(shared: SharedCluster): void {
  const marker = createMarker();
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "rotated", namespace: "default" } };

  show("keys rotate reaches volumes, disks and secrets, and ends when all use the new key", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    await kubectl.apply(namespace(), holderClaim(VAULT, SIZE), holderPod(VAULT));
    await kubectl.apply({ ...secret, stringData: { value: marker.text } });
    await holderReady(kubectl, VAULT);
    await inHolder(kubectl, VAULT, "write", VAULT.file, marker.text, "1");
    const stop = new AbortController();
    const rotation = rotate(cluster, stop.signal);
    try {
      await volumesFollow(cluster);
      await rebooted(cluster, WORKER, false);
      await rebooted(cluster, CONTROL_PLANE, true);
      for (const name of [WORKER, CONTROL_PLANE]) {
        assert.match(await cluster.console(name), /state disk: key changed to generation 2/);
      }
      const { exitCode, stdout } = await rotation;
      say(stdout);
      assert.equal(exitCode, 0);
      assert.match(stdout, /^Everything current\s+yes$/m);
    } finally {
      stop.abort();
    }
  });

  show("after the rotation, volumes and secrets are there", shared, async (cluster) => {
    const kubectl = await cluster.kubectl();
    const value = await kubectl.run(["get", "secret", secret.metadata.name, "--output=jsonpath={.data.value}"]);
    assert.equal(Buffer.from(value, "base64").toString(), marker.text);
    await kubectl.run(["--namespace", NAMESPACE, "delete", "pod", VAULT.name]);
    await kubectl.apply(holderPod(VAULT));
    await holderReady(kubectl, VAULT);
    assert.equal((await readHolder(kubectl, VAULT)).trim(), marker.text);
    assert.equal((await cluster.cli("verify")).exitCode, 0);
  });

  show("etcd has secrets under the new key only", shared, async (cluster) => {
    const stored = await storedSecret(new DebugShell(cluster.workspace, CONTROL_PLANE), secret.metadata.name);
    assert.match(stored, /k8s:enc:kms:v2:constellation:.*etcd-secrets\/2/);
    assert.ok(!stored.includes(marker.text));
  });

  show("without a rotation under way, a node boots with its new key", shared, async (cluster) => {
    const before = (await cluster.console(WORKER)).length;
    await rebooted(cluster, WORKER, false);
    const boot = (await cluster.console(WORKER)).slice(before);
    assert.match(boot, /state disk: opened with the key from the join service/);
    assert.doesNotMatch(boot, /state disk: key changed|does not fit/);
  });
}

function rotate({ workspace }: MiniCluster, signal: AbortSignal): ReturnType<typeof cli> {
  const args = ["keys", "rotate", "--yes", "--timeout", String(ROTATION_MINUTES), "--workspace", workspace];
  const result = cli(args, minutes(ROTATION_MINUTES + 10), signal);
  // Its failure is seen where it is waited for; other things may fail before.
  result.catch(() => {});
  return result;
}

/** Waits until all volumes, which are in use, have keys of the new generation. */
async function volumesFollow(cluster: MiniCluster): Promise<void> {
  const what = "volumes in use to have keys of generation 2";
  await waitUntil({ what, timeoutMs: VOLUMES_FOLLOW_MS }, async (note) => {
    const { current, volumes } = await keysStatus(cluster);
    note(JSON.stringify(volumes));
    return current === 2 && volumes.total > 0 && volumes.older.length === 0 ? true : undefined;
  });
}

async function keysStatus(cluster: MiniCluster): Promise<KeysSeen> {
  const { stdout } = await cluster.mustCli("keys", "status", "--output", "json");
  return JSON.parse(stdout) as KeysSeen;
}

/** Resets a machine, gives it its key where nobody else can, and waits until its node is Ready in another boot. */
async function rebooted(cluster: MiniCluster, name: string, recover: boolean): Promise<void> {
  const boots = await bootsOf(cluster);
  await resetNode(cluster.workspace, name);
  if (recover) await recovered(cluster);
  await untilReady(cluster, [name], boots, BOOT_MS);
}

/** `recover` waits five minutes for a node that asks, which an emulated one may need longer for; then it ends well. */
async function recovered(cluster: MiniCluster): Promise<void> {
  await waitUntil({ what: "a control plane to ask for its key", timeoutMs: BOOT_MS }, async () => {
    const { stderr } = await cluster.mustCli("recover");
    return stderr.includes("Recovered 1 control-plane node.") ? true : undefined;
  });
}

async function servicesCa(kubectl: Kubectl): Promise<string> {
  const { namespace: of, name } = SERVICES_CA;
  const { data } = await kubectl.json<{ data: Record<string, string> }>(["--namespace", of, "get", "configmap", name]);
  return data["ca.crt"] ?? "";
}

/** The key ID of the disk of a node that joined, as the join service asked for it. */
async function diskKeyId(kubectl: Kubectl): Promise<string> {
  const asked = (await audit(kubectl)).map(({ keyId }) => String(keyId));
  const keyId = asked.find((id) => id.startsWith("state-disk/"));
  assert.ok(keyId !== undefined, "the worker's disk key was asked for");
  return keyId;
}

/** What the key service has logged of requests, oldest first. */
async function audit(kubectl: Kubectl): Promise<Record<string, unknown>[]> {
  const names = ["--namespace=kube-system", "get", "pods", "--selector=app.kubernetes.io/name=key-service"];
  const { items } = await kubectl.json<List<Pod>>(names);
  const texts = await Promise.all(
    items.map(({ metadata }) => kubectl.run(["--namespace=kube-system", "logs", metadata.name, "--tail=-1"])),
  );
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.includes('"event":"key-request"'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
