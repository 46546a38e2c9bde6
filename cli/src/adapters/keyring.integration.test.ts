import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { formatKeyringEntries, Keyring, MasterSecret } from "@constellation/keys";
import { KubeClient } from "@constellation/kube";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import type { KeyringPort } from "../ports/keyring.ts";
import { keyringClient } from "./keyring.ts";

const SECRETS = "/api/v1/namespaces/kube-system/secrets";
const signal = AbortSignal.timeout(300_000);
const filled = (value: number) => new Uint8Array(32).fill(value);
const keyring = new Keyring([{ generation: 1, master: new MasterSecret(filled(1)), salt: filled(2) }]);

let api: KubeApiserver;
let port: KeyringPort;

before(async () => {
  api = await KubeApiserver.start();
  port = keyringClient(KubeClient.fromKubeconfig(api.adminKubeconfig(), { requestTimeoutMs: 60_000 }));
});
after(() => api?.stop());

test("keyringClient() finds no keyring where there is none", async () => {
  assert.equal(await port.readKeyring(signal), undefined);
});

test("keyringClient() adds a generation to the Secret, once", async () => {
  const entries = Object.entries(formatKeyringEntries(keyring)).map(([name, bytes]) => [
    name,
    Buffer.from(bytes).toString("base64"),
  ]);
  const metadata = { name: "constellation-master-secret" };
  await api.create(SECRETS, { kind: "Secret", metadata, data: Object.fromEntries(entries) });
  const read = await port.readKeyring(signal);
  assert.ok(read !== undefined);
  assert.deepEqual(read.entries, { mastersecret: filled(1), salt: filled(2) });
  assert.equal(read.rewrittenGeneration, 1);
  const second = { "mastersecret-2": filled(3), "salt-2": filled(4) };
  assert.equal(await port.changeKeyring(read, { entries: second }, signal), true);
  assert.equal(await port.changeKeyring(read, { entries: { "salt-2": filled(9) } }, signal), false);
  const changed = await port.readKeyring(signal);
  assert.deepEqual(changed?.entries, { ...read.entries, ...second });
});

test("keyringClient() notes that secrets were rewritten, and empties what is removed", async () => {
  const read = await port.readKeyring(signal);
  assert.ok(read !== undefined);
  await port.changeKeyring(read, { rewrittenGeneration: 2 }, signal);
  const noted = await port.readKeyring(signal);
  assert.equal(noted?.rewrittenGeneration, 2);
  assert.deepEqual(noted?.entries, read.entries);
  const empty = new Uint8Array();
  await port.changeKeyring(noted!, { entries: { "mastersecret-2": empty, "salt-2": empty } }, signal);
  assert.deepEqual((await port.readKeyring(signal))?.entries["salt-2"], empty);
});

test("keyringClient() has each secret written again, whether it was changed or has gone meanwhile", async () => {
  await api.create(SECRETS, { kind: "Secret", metadata: { name: "own" }, data: { key: "AAEC" } });
  const { objects } = await port.listEncrypted("secrets", undefined, signal);
  const own = objects.find(({ name }) => name === "own");
  assert.ok(own !== undefined);
  await port.rewrite(own, signal);
  assert.deepEqual(((await api.call("GET", `${SECRETS}/own`)).body as { data: object }).data, { key: "AAEC" });
  await port.rewrite({ ...own, resourceVersion: "1" }, signal);
  await api.call("DELETE", `${SECRETS}/own`);
  await port.rewrite(own, signal);
  const { objects: configMaps } = await port.listEncrypted("configmaps", undefined, signal);
  const published = configMaps.find(({ name }) => name === "kube-root-ca.crt");
  if (published !== undefined) await port.rewrite(published, signal);
});

test("keyringClient() reads what nodes and volumes say of their generation", async () => {
  const node = (name: string, annotations: object, labels: object = {}) =>
    api.create("/api/v1/nodes", { kind: "Node", metadata: { name, annotations, labels } });
  const disk = "constellation.internal/state-disk-generation";
  const etcd = "constellation.internal/etcd-secrets-generation";
  await node("control-plane-0", { [disk]: "2", [etcd]: "3" }, { "node-role.kubernetes.io/control-plane": "" });
  await node("worker-0", {});
  const spec = {
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteOnce"],
    csi: { driver: "d", volumeHandle: "v" },
  };
  const volume = (name: string, annotations: object) =>
    api.create("/api/v1/persistentvolumes", { kind: "PersistentVolume", metadata: { name, annotations }, spec });
  const uuid = { "csi.constellation.internal/luks-uuid": "5c7c9a1e-0000-8000-8000-0123456789ab" };
  await volume("encrypted", { ...uuid, "csi.constellation.internal/generation": "2" });
  await volume("plain", {});
  await volume("in-formatting", {
    "csi.constellation.internal/luks-formatting": "5c7c9a1e-0000-8000-8000-0123456789ac",
  });
  assert.deepEqual(await port.nodeGenerations(signal), [
    { name: "control-plane-0", stateDisk: 2, apiServer: 3, isControlPlane: true },
    { name: "worker-0", stateDisk: undefined, apiServer: undefined, isControlPlane: false },
  ]);
  assert.deepEqual(await port.volumeGenerations(signal), [
    { name: "encrypted", generation: 2 },
    { name: "in-formatting", generation: undefined },
  ]);
  for (const [index, text] of ["two", "0", "256", "02", "1e1", "2 "].entries()) {
    const name = `odd-${index}`;
    await node(name, { [disk]: text });
    const odd = (await port.nodeGenerations(signal)).find((found) => found.name === name);
    assert.equal(odd?.stateDisk, undefined, text);
  }
});
