import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { deriveClusterId, MasterSecret } from "@constellation/keys";
import { wrapRootKey } from "@constellation/kms/root";
import { memoryKms, type MemoryKms } from "@constellation/kms/testing";
import { createLog } from "@constellation/pod";
import { type MountedKeyring, mountedKeyring } from "./keyring-source.ts";
import { readyReason } from "./ready-reason.ts";

const { signal } = new AbortController();
const MASTER = new Uint8Array(randomBytes(32));
const SALT = new Uint8Array(32).fill(2);
const MEASUREMENT_SALT = new Uint8Array(32).fill(3);
const CLUSTER_ID = deriveClusterId(new MasterSecret(MASTER), SALT, MEASUREMENT_SALT);
const URI = "kms://kmip?address=kms.example.org&caFile=/credentials/ca";
const CREDENTIAL = "what the KMS knows us by";

let directory: string;
let kms: MemoryKms;
let source: MountedKeyring;
let lines: string[];
let given: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wrapped-root-"));
  kms = memoryKms();
  lines = [];
  given = [];
  const log = createLog({ write: (line) => lines.push(line), now: () => new Date(0) });
  const directories = { secretDirectory: join(directory, "secret"), kmsDirectory: join(directory, "kms") };
  source = mountedKeyring(
    {
      ...directories,
      keepRootMs: 60_000,
      openKms: (keyManagement) => {
        given.push(...[...keyManagement.credentials.values()].map((secret) => Buffer.from(secret.reveal()).toString()));
        return Promise.resolve({ kms: kms.kms, store: undefined });
      },
    },
    log,
  );
  await write("secret", { "mastersecret.wrapped": await wrap(1, MASTER, SALT), salt: SALT });
  await write("kms", {
    kms: utf8(URI),
    storage: utf8(""),
    clusterid: CLUSTER_ID,
    measurementsalt: MEASUREMENT_SALT,
    "credentials.ca": utf8(CREDENTIAL),
  });
});
afterEach(async () => {
  source.close();
  await rm(directory, { recursive: true });
});

async function wrap(generation: number, bytes: Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
  const opened = { kms: kms.kms, store: undefined };
  const root = { generation, salt, master: new MasterSecret(bytes) };
  const { envelope } = await wrapRootKey(opened, CLUSTER_ID, root, signal);
  kms.unwraps = 0;
  return envelope;
}

async function write(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const [name, data] of Object.entries(files)) await writeFile(join(directory, folder, name), data);
}

async function failsWith(code: string): Promise<void> {
  await assert.rejects(source.keyring(signal), (error: unknown) => {
    assert.equal(readyReason(error), `master_secret_unavailable: ${code}`);
    return true;
  });
}

test("mountedKeyring() opens a wrapped root by the KMS once, with an audit line that holds no secret", async () => {
  for (const keyring of await Promise.all([source.keyring(signal), source.keyring(signal)])) {
    const { master, salt } = keyring.get(0);
    assert.deepEqual([keyring.current, master.reveal(), salt], [1, MASTER, SALT]);
    keyring.wipe();
  }
  assert.equal(kms.unwraps, 1);
  assert.deepEqual(given, [CREDENTIAL]);
  const { time: _, durationMs, ...line } = JSON.parse(lines.join("")) as Record<string, unknown>;
  assert.deepEqual(line, {
    event: "root-unwrap",
    outcome: "opened",
    generation: 1,
    kms: "kms://kmip at kms.example.org",
  });
  assert.equal(typeof durationMs, "number");
  for (const form of ["hex", "base64"] as const)
    assert.ok(!lines.join("").includes(Buffer.from(MASTER).toString(form)));
});

for (const [code, harm] of [
  ["kms_unreachable", () => (kms.failure = "kms_unreachable")],
  ["kms_denied", () => (kms.failure = "kms_denied")],
  ["wrapped_key_corrupt", () => (kms.lies = true)],
] as const) {
  test(`mountedKeyring() says that the KMS gave no root: ${code}`, async () => {
    harm();
    await failsWith(code);
    assert.match(lines.join(""), new RegExp(`"outcome":"failed","code":"${code}"`));
  });
}

test("mountedKeyring() refuses a wrapped root of another cluster, and one that gives another cluster ID", async () => {
  await write("kms", { clusterid: new Uint8Array(32).fill(9) });
  await failsWith("wrong_cluster");
  await write("kms", { clusterid: CLUSTER_ID, measurementsalt: new Uint8Array(32).fill(9) });
  await failsWith("root_key_differs");
});

test("mountedKeyring() refuses a root that is there twice, and one without a way to its KMS", async () => {
  await write("secret", { mastersecret: MASTER });
  await assert.rejects(source.keyring(signal), { code: "master_secret_unavailable" });
  await rm(join(directory, "secret", "mastersecret"));
  await rm(join(directory, "kms"), { recursive: true });
  await assert.rejects(source.keyring(signal), { code: "master_secret_unavailable" });
  assert.equal(kms.unwraps, 0);
});

test("mountedKeyring() reads a root that the cluster keeps itself, and asks no KMS", async () => {
  await rm(join(directory, "secret", "mastersecret.wrapped"));
  await write("secret", { mastersecret: MASTER });
  await rm(join(directory, "kms"), { recursive: true });
  assert.deepEqual((await source.keyring(signal)).get(1).master.reveal(), MASTER);
  assert.equal(kms.unwraps, 0);
});

test("mountedKeyring() refuses a plain root in the place of the wrapped one, and one where it can't tell", async () => {
  await rm(join(directory, "secret", "mastersecret.wrapped"));
  await write("secret", { mastersecret: new Uint8Array(32).fill(8) });
  await assert.rejects(source.keyring(signal), {
    code: "master_secret_unavailable",
    message: /got generation "1" in plain beside a way to a KMS/,
  });
  await rm(join(directory, "kms"), { recursive: true });
  await writeFile(join(directory, "kms"), "no folder");
  await assert.rejects(source.keyring(signal), { code: "master_secret_unavailable", message: /can't be read/ });
});

test("mountedKeyring() opens each wrapped generation once, and says which", async () => {
  const [bytes, salt] = [new Uint8Array(32).fill(8), new Uint8Array(32).fill(9)];
  await write("secret", { "mastersecret-2.wrapped": await wrap(2, bytes, salt), "salt-2": salt });
  for (const keyring of await Promise.all([source.keyring(signal), source.keyring(signal)])) {
    assert.deepEqual(keyring.numbers, [1, 2]);
    assert.deepEqual([keyring.get(0).master.reveal(), keyring.get(0).salt], [bytes, salt]);
    assert.deepEqual(keyring.get(1).master.reveal(), MASTER);
    keyring.wipe();
  }
  assert.equal(kms.unwraps, 2);
  const generations = lines.map((line) => (JSON.parse(line) as { generation: number }).generation);
  assert.deepEqual(new Set(generations), new Set([1, 2]));
});

test("mountedKeyring() refuses an envelope in the place of another generation's", async () => {
  await write("secret", { "mastersecret-2.wrapped": await wrap(3, MASTER, SALT), "salt-2": SALT });
  await failsWith("wrong_key_id");
});

test("mountedKeyring() refuses a plain generation beside wrapped ones, and asks no KMS", async () => {
  await write("secret", { "mastersecret-2": new Uint8Array(32).fill(8), "salt-2": SALT });
  await assert.rejects(source.keyring(signal), {
    code: "master_secret_unavailable",
    message: /got generation "2" in plain beside wrapped ones/,
  });
  assert.equal(kms.unwraps, 0);
});

test("mountedKeyring() refuses a wrapped root of which an entry is missing, and an entry that is none", async () => {
  await rm(join(directory, "secret", "salt"));
  await failsWith("entry_missing");
  await write("secret", { salt: SALT, "mastersecret-02.wrapped": SALT });
  await failsWith("entry_unknown");
});
