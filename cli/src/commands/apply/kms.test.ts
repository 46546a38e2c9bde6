import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, link, mkdir, readFile, rm } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { parseState } from "@constellation/config";
import { CliError } from "../../errors.ts";
import { Harness } from "../../testing/harness.ts";

const SECRET_FILE = "constellation-mastersecret.json";
const SECTION = `keyManagement:
  kms: kms://kmip?address=10.42.0.1:5696&keyName=kek&caFile=/credentials/ca&certificateFile=/credentials/crt&keyFile=/credentials/key
  credentials: { ca: kms/ca.crt, crt: kms/client.crt, key: kms/client.key }
`;

async function configured(t: TestContext, section = SECTION): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("config", "generate", "qemu", "--name", "mini")).code, 0);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("initialCount: 3", "initialCount: 1") + section);
  await mkdir(harness.path("kms"));
  for (const name of ["ca.crt", "client.crt", "client.key"])
    await harness.write(`kms/${name}`, `the content of ${name}`);
  return harness;
}

const stateOf = async (harness: Harness) => parseState(await harness.read("constellation-state.yaml"));

test("apply with a KMS sends it with the credentials, and deletes the master secret when the cluster does without", async (t) => {
  const harness = await configured(t);
  // A second name of the file shows what its bytes become.
  harness.nodes.afterInit = () => void link(harness.path(SECRET_FILE), harness.path("second-name"));
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.ok(
    (await readFile(harness.path("second-name"))).every((byte) => byte === 0),
    "overwritten",
  );
  const sent = harness.nodes.inits[0]?.parameters.keyManagement;
  assert.match(sent?.kms ?? "", /^kms:\/\/kmip\?address=10\.42\.0\.1:5696&/);
  assert.deepEqual(
    [...(sent?.credentials ?? [])].map(([name, secret]) => [name, Buffer.from(secret.reveal()).toString()]),
    [
      ["ca", "the content of ca.crt"],
      ["crt", "the content of client.crt"],
      ["key", "the content of client.key"],
    ],
  );
  assert.deepEqual(harness.infrastructure.specs[0]?.hostUrls, ["https://10.42.0.1:5696"]);
  assert.match(err, /its root key wrapped by kms:\/\/kmip at 10\.42\.0\.1:5696/);
  assert.match(err, /Deleted .*constellation-mastersecret\.json: the cluster's root key is now with kms:\/\/kmip/);
  assert.equal(existsSync(harness.path(SECRET_FILE)), false);
  assert.doesNotMatch(err, /the content of/);
  assert.equal((await stateOf(harness)).clusterValues.masterSecret, "deleted");
});

test("apply goes on without the deleted master secret, and recover says why it can't", async (t) => {
  const harness = await configured(t);
  await harness.run("apply", "-y");
  const again = await harness.run("apply", "-y");
  assert.equal(again.code, 0, again.err);
  const { code, err } = await harness.run("recover");
  assert.equal(code, 1);
  assert.match(err, /the master secret was deleted, as the KMS has the root key/);
  await rm(harness.path("constellation-admin.conf"));
  assert.match((await harness.run("apply", "-y")).err, /constellation-admin\.conf of this cluster is missing/);
});

test("apply keeps the master secret where asked, now and later", async (t) => {
  const harness = await configured(t);
  const { err } = await harness.run("apply", "-y", "--keep-master-secret");
  assert.match(err, /Kept .*constellation-mastersecret\.json, as asked/);
  assert.equal((await harness.run("apply", "-y")).code, 0);
  assert.ok(existsSync(harness.path(SECRET_FILE)));
  harness.nodes.waiting = 1;
  assert.equal((await harness.run("recover")).code, 0);
});

test("apply keeps the master secret as long as it has not seen all nodes, and deletes it at the next run", async (t) => {
  const harness = await configured(t);
  await harness.run("apply", "-y", "--skip-node-wait");
  assert.ok(existsSync(harness.path(SECRET_FILE)));
  assert.equal((await harness.run("apply", "-y")).code, 0);
  assert.equal(existsSync(harness.path(SECRET_FILE)), false);
});

for (const [what, harm] of [
  ["no key service has opened the root key", (harness: Harness) => (harness.kubernetes.keyServices.ready = 0)],
  [
    "the cluster holds the root key itself, too",
    (harness: Harness) =>
      (harness.nodes.afterInit = () =>
        (harness.kubernetes.rootKeyNames = ["mastersecret", "mastersecret.wrapped", "salt"])),
  ],
  [
    "the cluster holds a later generation that is not wrapped",
    (harness: Harness) =>
      (harness.nodes.afterInit = () =>
        (harness.kubernetes.rootKeyNames = ["mastersecret.wrapped", "salt", "mastersecret-2", "salt-2"])),
  ],
] as const) {
  test(`apply keeps the master secret where ${what}`, async (t) => {
    const harness = await configured(t);
    harm(harness);
    const { code, err } = await harness.run("apply", "-y");
    assert.equal(code, 1);
    assert.match(
      err,
      /Wait for the key services to open the root key by kms:\/\/kmip at 10\.42\.0\.1:5696 failed after/,
    );
    assert.ok(existsSync(harness.path(SECRET_FILE)));
    assert.equal((await stateOf(harness)).clusterValues.masterSecret, "pending");
  });
}

test("apply says what to do where the first node refuses for the KMS, and can be repeated", async (t) => {
  const harness = await configured(t);
  harness.nodes.beforeInit = (_, attempt) => {
    if (attempt === 1) throw new CliError("init-failed", 'the node reports "kms_denied"');
  };
  assert.equal((await harness.run("apply", "-y")).code, 1);
  assert.equal((await harness.run("apply", "-y")).code, 0);
});

test("apply refuses to move the root key of a cluster that there is", async (t) => {
  const harness = await configured(t, "");
  await harness.run("apply", "-y");
  await harness.edit("constellation-conf.yaml", (text) => text + SECTION);
  const into = await harness.run("apply", "-y");
  assert.equal(into.code, 1);
  assert.match(into.err, /has keyManagement, and the cluster was initialised with none/);
  assert.ok(existsSync(harness.path(SECRET_FILE)));
  const other = await configured(t);
  await other.run("apply", "-y");
  await other.edit("constellation-conf.yaml", (text) => text.replace(SECTION, ""));
  assert.match(
    (await other.run("apply", "-y")).err,
    /has no keyManagement, and the cluster was initialised with its KMS/,
  );
});

test("apply begins no cluster with a KMS from a master secret that was rotated", async (t) => {
  const harness = await configured(t);
  const bytes = (fill: number): string => Buffer.alloc(32, fill).toString("base64");
  const rotated = [{ generation: 2, key: bytes(3), salt: bytes(4) }];
  await harness.write(SECRET_FILE, JSON.stringify({ key: bytes(1), salt: bytes(2), rotated }));
  await chmod(harness.path(SECRET_FILE), 0o600);
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 1);
  assert.match(err, /was rotated in an earlier cluster, wanted one with a single generation/);
  assert.equal(harness.nodes.inits.length, 0);
  assert.ok(existsSync(harness.path(SECRET_FILE)));
});

test("keys status shows a root key in a KMS without the master secret, and keys rotate refuses it", async (t) => {
  const harness = await configured(t);
  await harness.run("apply", "-y");
  harness.kubernetes.keyring = { "mastersecret.wrapped": new Uint8Array(200), salt: new Uint8Array(32) };
  const { code, out, err } = await harness.run("keys", "status", "-o", "json");
  assert.equal(code, 0, err);
  const report = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([report["current"], report["externalKms"]], [1, true]);
  assert.match((await harness.run("keys", "status")).out, /Master secret +wrapped by an external KMS/);
  for (const options of [[], ["--prune"]]) {
    const refused = await harness.run("keys", "rotate", "--yes", ...options);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /it is wrapped by an external KMS, wanted one that the cluster keeps/);
  }
  assert.deepEqual(Object.keys(harness.kubernetes.keyring), ["mastersecret.wrapped", "salt"]);
  const plain = { "mastersecret-2": new Uint8Array(32), "salt-2": new Uint8Array(32) };
  harness.kubernetes.keyring = { ...harness.kubernetes.keyring, ...plain };
  assert.match((await harness.run("keys", "status")).err, /some generations are wrapped by a KMS, some are not/);
});

const wrong: [string, string, RegExp][] = [
  [
    "a file that is not there",
    SECTION.replace("kms/client.key", "kms/none.key"),
    /Read .*kms\/none\.key failed: there is no such file/,
  ],
  [
    "a file that no URI names",
    SECTION.replace("&keyFile=/credentials/key", ""),
    /keyManagement\.credentials: got "key", which no URI names/,
  ],
  [
    "a file outside of the credentials",
    SECTION.replace("/credentials/ca", "/etc/ca.crt"),
    /keyManagement\.kms\.caFile: got "\/etc\/ca\.crt", wanted one of/,
  ],
  [
    "a secret in a URI",
    "keyManagement:\n  kms: kms://aws?region=eu-central-1&keyName=k&accessKeyID=AKIAAAAAAAAAAAAAAAAA&accessKey=s3cr3t\n",
    /keyManagement\.kms\.accessKeyID: got it, wanted a file/,
  ],
  [
    "no KMS that there is",
    "keyManagement:\n  kms: kms://other\n",
    /keyManagement\.kms: got "kms:\/\/other", wanted one of/,
  ],
  ["a KMS without its fields", SECTION.replace("keyName=kek&", ""), /keyID: got nothing, wanted a unique identifier/],
];
for (const [what, section, message] of wrong) {
  test(`apply makes nothing with ${what}`, async (t) => {
    const harness = await configured(t, section);
    const { code, err } = await harness.run("apply", "-y");
    assert.equal(code, 1);
    assert.match(err, message);
    assert.doesNotMatch(err, /s3cr3t|\n {4}at /);
    assert.equal(harness.infrastructure.specs.length, 0);
    assert.equal(existsSync(harness.path(SECRET_FILE)), false);
  });
}
