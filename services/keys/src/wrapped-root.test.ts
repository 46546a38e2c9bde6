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
import { readyReason } from "./ready-reason.ts";
import { type RootSource, rootSource } from "./root-source.ts";

const { signal } = new AbortController();
const MASTER = new Uint8Array(randomBytes(32));
const SALT = new Uint8Array(32).fill(2);
const MEASUREMENT_SALT = new Uint8Array(32).fill(3);
const CLUSTER_ID = deriveClusterId(new MasterSecret(MASTER), SALT, MEASUREMENT_SALT);
const URI = "kms://kmip?address=kms.example.org&caFile=/credentials/ca";
const CREDENTIAL = "what the KMS knows us by";

let directory: string;
let kms: MemoryKms;
let source: RootSource;
let lines: string[];
let given: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wrapped-root-"));
  kms = memoryKms();
  lines = [];
  given = [];
  const log = createLog({ write: (line) => lines.push(line), now: () => new Date(0) });
  const directories = { secretDirectory: join(directory, "secret"), kmsDirectory: join(directory, "kms") };
  source = rootSource(
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
  const master = new MasterSecret(MASTER);
  const opened = { kms: kms.kms, store: undefined };
  const { envelope } = await wrapRootKey(opened, CLUSTER_ID, { generation: 1, salt: SALT, master }, signal);
  kms.unwraps = 0;
  await write("secret", { "mastersecret.wrapped": envelope, salt: SALT });
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

async function write(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(join(directory, folder), { recursive: true });
  for (const [name, data] of Object.entries(files)) await writeFile(join(directory, folder, name), data);
}

async function failsWith(code: string): Promise<void> {
  await assert.rejects(source.masterSecret(signal), (error: unknown) => {
    assert.equal(readyReason(error), `master_secret_unavailable: ${code}`);
    return true;
  });
}

test("rootSource() opens a wrapped root by the KMS once, with an audit line that holds no secret", async () => {
  const pairs = await Promise.all([source.masterSecret(signal), source.masterSecret(signal)]);
  for (const { master, salt } of pairs) assert.deepEqual([master.reveal(), salt], [MASTER, SALT]);
  assert.equal(kms.unwraps, 1);
  assert.deepEqual(given, [CREDENTIAL]);
  const { time: _, durationMs, ...line } = JSON.parse(lines.join("")) as Record<string, unknown>;
  assert.deepEqual(line, { event: "root-unwrap", outcome: "opened", kms: "kms://kmip at kms.example.org" });
  assert.equal(typeof durationMs, "number");
  for (const form of ["hex", "base64"] as const)
    assert.ok(!lines.join("").includes(Buffer.from(MASTER).toString(form)));
});

for (const [code, harm] of [
  ["kms_unreachable", () => (kms.failure = "kms_unreachable")],
  ["kms_denied", () => (kms.failure = "kms_denied")],
  ["wrapped_key_corrupt", () => (kms.lies = true)],
] as const) {
  test(`rootSource() says that the KMS gave no root: ${code}`, async () => {
    harm();
    await failsWith(code);
    assert.match(lines.join(""), new RegExp(`"outcome":"failed","code":"${code}"`));
  });
}

test("rootSource() refuses a wrapped root of another cluster, and one that gives another cluster ID", async () => {
  await write("kms", { clusterid: new Uint8Array(32).fill(9) });
  await failsWith("wrong_cluster");
  await write("kms", { clusterid: CLUSTER_ID, measurementsalt: new Uint8Array(32).fill(9) });
  await failsWith("root_key_differs");
});

test("rootSource() refuses a root that is there twice, and one without a way to its KMS", async () => {
  await write("secret", { mastersecret: MASTER });
  await assert.rejects(source.masterSecret(signal), { code: "master_secret_unavailable" });
  await rm(join(directory, "secret", "mastersecret"));
  await rm(join(directory, "kms"), { recursive: true });
  await assert.rejects(source.masterSecret(signal), { code: "master_secret_unavailable" });
  assert.equal(kms.unwraps, 0);
});

test("rootSource() reads a root that the cluster keeps itself, and asks no KMS", async () => {
  await rm(join(directory, "secret", "mastersecret.wrapped"));
  await write("secret", { mastersecret: MASTER });
  assert.deepEqual((await source.masterSecret(signal)).master.reveal(), MASTER);
  assert.equal(kms.unwraps, 0);
});
