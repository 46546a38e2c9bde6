import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type EtcdKey, EtcdSecretsKey } from "@constellation/keys";
import type { RpcServer } from "@constellation/rpc";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { encryptionConfiguration } from "../kubernetes/policies.ts";
import { PATHS } from "../options.ts";
import { EtcdKeyring } from "./etcd-keyring.ts";
import { serveKmsPlugin } from "./plugin.ts";

/** gRPC of the API server waits up to two minutes before it tries again to reach a plugin that was away. */
const TIMEOUT_MS = 180_000;
const VALUE = "a value that nobody must find in etcd";
const SECRETS = "/api/v1/namespaces/default/secrets";
const PREFIX = "k8s:enc:kms:v2:constellation:";
const log = { debug() {}, info() {}, warn() {}, error() {} };

/** Always a new copy: a ring overwrites what it drops. */
const keyOf = (generation: number, fill = generation): EtcdKey => ({
  generation,
  key: new EtcdSecretsKey(new Uint8Array(32).fill(fill)),
});

describe("the KMS plugin with real etcd and kube-apiserver", () => {
  let directory: string;
  let socket: string;
  let api: KubeApiserver;
  let ring: EtcdKeyring;
  let plugin: RpcServer<string> | undefined;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "constellation-kms-"));
    socket = join(directory, "kms", "kms.sock");
    const config = join(directory, "encryption.yaml");
    await writeFile(config, JSON.stringify(encryptionConfiguration("default")).replace(PATHS.kmsSocket, socket));
    await startPlugin(keyOf(1));
    api = await KubeApiserver.start([`--encryption-provider-config=${config}`]);
    await ready();
  });
  after(async () => {
    await api?.stop();
    await stopPlugin();
    await rm(directory, { recursive: true, force: true });
  });

  async function startPlugin(...keys: EtcdKey[]): Promise<void> {
    ring = new EtcdKeyring(() => 0);
    ring.replace(keys, "at-once");
    plugin = await serveKmsPlugin(ring, socket, log);
  }

  async function stopPlugin(): Promise<void> {
    await plugin?.close();
    plugin = undefined;
  }

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + TIMEOUT_MS;
    while (!(await holds())) {
      assert.ok(Date.now() < end, `not in time: ${what}`);
      await wait(500);
    }
  }

  const ready = (): Promise<void> => until("ready", async () => (await api.health("/readyz")).status === 200);
  const notReady = (): Promise<void> => until("not ready", async () => (await api.health("/readyz")).status !== 200);

  async function write(name: string): Promise<number> {
    const object = { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { value: VALUE } };
    return (await api.call("POST", SECRETS, object)).status;
  }

  async function read(name: string): Promise<{ status: number; value?: string }> {
    const { status, body } = await api.call("GET", `${SECRETS}/${name}`);
    assert.equal(status === 200, body.data !== undefined);
    if (status !== 200) assert.ok(!JSON.stringify(body).includes(Buffer.from(VALUE).toString("base64")));
    return { status, ...(status === 200 && { value: atob((body.data as { value: string }).value) }) };
  }

  /** Writes all that is encrypted again as it is, as a migration does. */
  async function rewriteAll(): Promise<void> {
    for (const kind of ["secrets", "configmaps"]) {
      const { body } = await api.call("GET", `/api/v1/${kind}`);
      for (const object of body.items as { metadata: { namespace: string; name: string } }[]) {
        const { namespace, name } = object.metadata;
        const { status } = await api.call("PUT", `/api/v1/namespaces/${namespace}/${kind}/${name}`, object);
        assert.equal(status, 200, name);
      }
    }
  }

  async function etcd(method: "range" | "put", body: Record<string, string>): Promise<{ kvs?: { value: string }[] }> {
    const answer = await fetch(`${api.etcdEndpoint}/v3/kv/${method}`, { method: "POST", body: JSON.stringify(body) });
    assert.ok(answer.ok);
    return (await answer.json()) as { kvs?: { value: string }[] };
  }

  /** What lies in etcd, as text of one character for each byte. */
  async function stored(kind: "secrets" | "configmaps", name: string): Promise<string> {
    const { kvs } = await etcd("range", { key: btoa(`/registry/${kind}/default/${name}`) });
    return atob(kvs?.[0]?.value ?? "");
  }

  const keyIdOf = async (name: string): Promise<string | undefined> =>
    /etcd-secrets\/[0-9]+/.exec(await stored("secrets", name))?.[0];

  test("nothing of a Secret or a ConfigMap is in clear in etcd", async () => {
    assert.equal(await write("first"), 201);
    const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "map" }, data: { value: VALUE } };
    await api.create("/api/v1/namespaces/default/configmaps", map);
    for (const kind of ["secrets", "configmaps"] as const) {
      const text = await stored(kind, kind === "secrets" ? "first" : "map");
      assert.ok(text.startsWith(PREFIX), kind);
      for (const clear of [VALUE, btoa(VALUE), "stringData", "metadata"]) assert.ok(!text.includes(clear), clear);
    }
    assert.equal(await keyIdOf("first"), "etcd-secrets/1");
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
  });

  test("what was written is readable after a restart of the API server", async () => {
    await api.restartApiServer();
    await ready();
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
  });

  test("a restart of the plugin is not noticed", async () => {
    await stopPlugin();
    await startPlugin(keyOf(1));
    assert.equal(await write("after-plugin"), 201);
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
  });

  test("an API server that runs goes on reading while the plugin is away, says so in /readyz, and comes back", async () => {
    await stopPlugin();
    await notReady();
    assert.match((await api.health("/readyz")).text, /\[-\]kms-providers failed/);
    assert.equal((await api.health("/livez")).status, 200, "the kubelet must not start it again for that");
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
    await startPlugin(keyOf(1));
    await ready();
    assert.equal(await write("after-absence"), 201);
  });

  test("an API server that starts before the plugin gives nothing out, and all of it once the plugin is there", async () => {
    await stopPlugin();
    await api.restartApiServer();
    await notReady();
    assert.equal((await read("first")).status, 500);
    assert.equal(await write("too-early"), 500);
    await startPlugin(keyOf(1));
    await ready();
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
  });

  test("a plugin without keys says so, until it gets them", async () => {
    await stopPlugin();
    await startPlugin();
    await api.restartApiServer();
    await notReady();
    assert.equal((await read("first")).status, 500);
    ring.replace([keyOf(1)], "at-once");
    await ready();
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
  });

  test("a plugin with another key gives no plaintext", async () => {
    await stopPlugin();
    await startPlugin(keyOf(1, 0x66));
    await api.restartApiServer();
    assert.equal((await read("first")).status, 500);
    assert.notEqual((await api.health("/readyz")).status, 200);
    await stopPlugin();
    await startPlugin(keyOf(1));
    await api.restartApiServer();
    await ready();
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });
  });

  test("a value that was put in another's place is not taken for it", async () => {
    assert.equal(await write("second"), 201);
    const own = await stored("secrets", "second");
    const key = btoa("/registry/secrets/default/second");
    await etcd("put", { key, value: btoa(await stored("secrets", "first")) });
    await until("the value in the wrong place", async () => (await read("second")).status === 500);
    await etcd("put", { key, value: btoa(own) });
    await until("the right value again", async () => (await read("second")).status === 200);
  });

  test("a new generation: new writes use it, old data stays readable, a rewrite moves it, the old one can go", async () => {
    ring.replace([keyOf(1), keyOf(2)], "at-once");
    let count = 0;
    await until("writes under the new key", async () => {
      await api.health("/readyz");
      const name = `new-${count++}`;
      assert.equal(await write(name), 201);
      return (await keyIdOf(name)) === "etcd-secrets/2";
    });
    assert.equal(await keyIdOf("first"), "etcd-secrets/1");
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });

    const old = await stored("secrets", "second");
    await rewriteAll();
    assert.equal(await keyIdOf("first"), "etcd-secrets/2");
    ring.replace([keyOf(2)], "at-once");
    await api.restartApiServer();
    await ready();
    assert.deepEqual(await read("first"), { status: 200, value: VALUE });

    await etcd("put", { key: btoa("/registry/secrets/default/second"), value: btoa(old) });
    await until("nobody rewrote it", async () => (await read("second")).status === 500);
    ring.replace([keyOf(1), keyOf(2)], "at-once");
    await until("the dropped generation", async () => (await read("second")).status === 200);
  });
});
