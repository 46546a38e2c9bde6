import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { keyringOf, parseMasterSecret } from "@constellation/config";
import { formatKeyringEntries, type Keyring } from "@constellation/keys";
import { Harness } from "../../testing/harness.ts";

const FILE = "constellation-mastersecret.json";

/** A cluster whose keyring is that of its workspace. */
async function up(t: TestContext): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("mini", "up")).code, 0);
  harness.kubernetes.keyring = formatKeyringEntries(await fileKeyring(harness));
  use(harness, 1);
  return harness;
}

async function fileKeyring(harness: Harness): Promise<Keyring> {
  return keyringOf(parseMasterSecret(await harness.read(FILE)));
}

/** What all nodes say that they use. */
function use(harness: Harness, stateDisk: number | undefined, apiServer: number | undefined = stateDisk): void {
  const names = harness.kubernetes.list.map(({ name }) => name);
  harness.kubernetes.nodeKeys = names.map((name) => {
    const isControlPlane = name.startsWith("control-plane");
    return { name, stateDisk, apiServer: isControlPlane ? apiServer : undefined, isControlPlane };
  });
}

/** Lets everything that a rotation waits for happen as soon as the cluster has the new generation. */
function nodesFollow(harness: Harness): void {
  harness.kubernetes.onChange = (change) => {
    if (change === "change keyring") use(harness, Object.keys(harness.kubernetes.keyring ?? {}).length / 2 + 1);
  };
}

const status = async (harness: Harness) =>
  JSON.parse((await harness.run("keys", "status", "-o", "json")).out) as Record<string, unknown>;

test("keys status shows one generation that everything uses, and no key", async (t) => {
  const harness = await up(t);
  const { code, out } = await harness.run("keys", "status");
  assert.equal(code, 0);
  assert.match(out, /^Current generation +1\nGenerations +1 \(current\)\nState disks +all \d current\nVolumes +none\n/);
  assert.match(out, /Everything current +yes/);
  const text = await harness.read(FILE);
  const { key, salt } = JSON.parse(text) as { key: string; salt: string };
  for (const secret of [key, salt]) assert.ok(!out.includes(secret));
});

test("keys status names disks and volumes of older generations, and those that do not say", async (t) => {
  const harness = await up(t);
  await harness.run("keys", "rotate", "--yes", "--no-wait");
  const [first] = harness.kubernetes.nodeKeys;
  assert.ok(first !== undefined);
  harness.kubernetes.nodeKeys = [{ ...first, stateDisk: 2, apiServer: 2 }];
  harness.kubernetes.volumes = [
    { name: "pv-old", generation: undefined },
    { name: "pv-new", generation: 2 },
  ];
  const report = await status(harness);
  assert.deepEqual(report["generations"], [
    { generation: 1, state: "older" },
    { generation: 2, state: "current" },
  ]);
  const { stateDisks, volumes } = report as Record<string, { older: string[]; unknown: string[] }>;
  assert.ok(stateDisks?.unknown.includes("worker-0"));
  assert.deepEqual(volumes?.older, ["pv-old"]);
  assert.equal(report["upToDate"], false);
});

test("keys rotate writes the file first, then the cluster, and waits until everything follows", async (t) => {
  const harness = await up(t);
  const before = await fileKeyring(harness);
  const object = { namespace: "default", resourceVersion: "1" };
  harness.kubernetes.encrypted = [
    { ...object, resource: "configmaps", name: "c" },
    { ...object, resource: "secrets", name: "a" },
    { ...object, resource: "secrets", name: "b" },
  ];
  nodesFollow(harness);
  const { code, out, err } = await harness.run("keys", "rotate", "--yes", "-o", "json");
  assert.equal(code, 0, err);
  const report = JSON.parse(out) as { current: number; upToDate: boolean };
  assert.deepEqual([report.current, report.upToDate], [2, true]);
  const after = await fileKeyring(harness);
  assert.deepEqual(after.numbers, [1, 2]);
  assert.ok(after.get(1).master.equals(before.get(1).master));
  assert.deepEqual(harness.kubernetes.keyring, { ...formatKeyringEntries(after) });
  assert.equal((await stat(harness.path(FILE))).mode & 0o777, 0o600);
  assert.deepEqual(harness.kubernetes.rewritten, ["default/a", "default/b", "default/c"]);
  assert.equal(harness.kubernetes.rewrittenGeneration, 2);
  const shown = out + err;
  for (const { master } of after.generations)
    assert.ok(!shown.includes(Buffer.from(master.reveal()).toString("base64")));
});

test("keys rotate asks first, and changes nothing if it is declined", async (t) => {
  const harness = await up(t);
  harness.answers = ["n"];
  const text = await harness.read(FILE);
  const { code, err } = await harness.run("keys", "rotate");
  assert.equal(code, 1);
  assert.match(err, /declined/);
  assert.equal(await harness.read(FILE), text);
  assert.equal(Object.keys(harness.kubernetes.keyring ?? {}).length, 2);
});

test("keys rotate cut off between file and cluster goes on with the same generation", async (t) => {
  const harness = await up(t);
  harness.kubernetes.onChange = () => {
    throw new Error("cut off");
  };
  assert.equal((await harness.run("keys", "rotate", "--yes", "--no-wait")).code, 1);
  const written = await fileKeyring(harness);
  assert.deepEqual(written.numbers, [1, 2]);
  assert.deepEqual((await status(harness))["generations"], [
    { generation: 1, state: "current" },
    { generation: 2, state: "pending" },
  ]);
  harness.kubernetes.onChange = () => {};
  const { code, err } = await harness.run("keys", "rotate", "--no-wait");
  assert.equal(code, 0, err);
  assert.deepEqual(harness.kubernetes.keyring, { ...formatKeyringEntries(written) });
  assert.deepEqual((await fileKeyring(harness)).numbers, [1, 2]);
});

test("keys rotate interrupted while it waits goes on waiting the next time, and makes another only if told to", async (t) => {
  const harness = await up(t);
  harness.onErr = (text, interrupt) => {
    if (text.includes("Write master secret to the cluster ...")) interrupt();
  };
  assert.equal((await harness.run("keys", "rotate", "--yes")).code, 130);
  harness.onErr = () => {};
  assert.equal((await harness.run("keys", "rotate", "--yes", "--timeout", "1")).code, 1);
  assert.deepEqual((await fileKeyring(harness)).numbers, [1, 2]);
  use(harness, 2);
  assert.equal((await harness.run("keys", "rotate", "--yes")).code, 0);
  assert.deepEqual((await fileKeyring(harness)).numbers, [1, 2]);
  use(harness, 1);
  assert.equal((await harness.run("keys", "rotate", "--yes", "--no-wait", "--another")).code, 0);
  assert.deepEqual((await fileKeyring(harness)).numbers, [1, 2, 3]);
});

test("keys rotate tells what it waited for in vain", async (t) => {
  const harness = await up(t);
  const { code, err } = await harness.run("keys", "rotate", "--yes", "--timeout", "1");
  assert.equal(code, 1);
  assert.match(err, /took longer than 1 minutes: state disks 0\/\d, volumes 0\/0, Kubernetes secrets to do/);
});

test("keys rotate waits out a control plane that boots, and gives up when its time is over", async (t) => {
  const harness = await up(t);
  const { kubernetes } = harness;
  let calls = 0;
  kubernetes.onChange = () => {
    kubernetes.onChange = () => {};
    kubernetes.onCall = () => {
      calls++;
      if (calls < 100) throw Object.assign(new Error("connection refused"), { retryable: true });
      use(harness, 2);
    };
  };
  const { code, err } = await harness.run("keys", "rotate", "--yes");
  assert.equal(code, 0, err);
  assert.match(err, /uses the current generation ... [6-9]m/);
  assert.ok(calls > 100);
  kubernetes.onChange = () => {
    kubernetes.onCall = () => {
      throw Object.assign(new Error("connection refused"), { retryable: true });
    };
  };
  const given = await harness.run("keys", "rotate", "--yes", "--timeout", "12");
  assert.equal(given.code, 1);
  assert.match(given.err, /the Kubernetes API server/);
});

test("keys rotate does not rewrite secrets while an API server still encrypts under the old key", async (t) => {
  const harness = await up(t);
  use(harness, 2, 1);
  assert.equal((await harness.run("keys", "rotate", "--yes", "--timeout", "1")).code, 1);
  assert.deepEqual([harness.kubernetes.rewritten, harness.kubernetes.rewrittenGeneration], [[], 1]);
});

test("keys rotate tries again when the Secret was changed meanwhile", async (t) => {
  const harness = await up(t);
  harness.kubernetes.keyringConflicts = 2;
  assert.equal((await harness.run("keys", "rotate", "--yes", "--no-wait")).code, 0);
  assert.equal(Object.keys(harness.kubernetes.keyring ?? {}).length, 4);
  harness.kubernetes.keyringConflicts = 100;
  const { err } = await harness.run("keys", "rotate", "--yes", "--no-wait", "--another");
  assert.match(err, /others keep changing its Secret/);
});

const foreign: [string, (harness: Harness) => Promise<void> | void, RegExp][] = [
  [
    "another cluster's keyring",
    (h) => void (h.kubernetes.keyring!["mastersecret"] = new Uint8Array(32)),
    /is not that of/,
  ],
  ["another salt", (h) => void (h.kubernetes.keyring!["salt"] = new Uint8Array(32)), /is not that of/],
  ["a damaged Secret", (h) => void (h.kubernetes.keyring!["salt"] = new Uint8Array(3)), /not what was written/],
  ["no Secret", (h) => void (h.kubernetes.keyring = undefined), /has no Secret/],
  [
    "a generation that the file does not have",
    (h) => {
      const bytes = new Uint8Array(32).fill(9);
      h.kubernetes.keyring = { ...h.kubernetes.keyring, "mastersecret-2": bytes, "salt-2": bytes };
    },
    /the cluster has generation 2/,
  ],
  [
    "a wrapped master secret",
    (h) => {
      const { mastersecret = new Uint8Array(), ...rest } = h.kubernetes.keyring ?? {};
      h.kubernetes.keyring = { ...rest, "mastersecret.wrapped": mastersecret };
    },
    /wrapped by an external KMS/,
  ],
];
for (const [what, change, message] of foreign) {
  test(`keys rotate refuses ${what} and changes nothing`, async (t) => {
    const harness = await up(t);
    await change(harness);
    const text = await harness.read(FILE);
    const { code, err } = await harness.run("keys", "rotate", "--yes", "--no-wait");
    assert.equal(code, 1);
    assert.match(err, message);
    assert.equal(await harness.read(FILE), text);
  });
}

/** Three generations; everything uses the third. */
async function thrice(t: TestContext): Promise<Harness> {
  const harness = await up(t);
  for (const args of [[], ["--another"]]) {
    assert.equal((await harness.run("keys", "rotate", "--yes", "--no-wait", ...args)).code, 0);
  }
  use(harness, 3);
  harness.kubernetes.rewrittenGeneration = 3;
  return harness;
}

test("keys rotate --prune removes what lies between the first and the current generation", async (t) => {
  const harness = await thrice(t);
  const { code, err } = await harness.run("keys", "rotate", "--prune", "--yes");
  assert.equal(code, 0, err);
  assert.match(err, /Removed generation 2\./);
  const after = await fileKeyring(harness);
  assert.deepEqual(after.numbers, [1, 3]);
  assert.deepEqual(harness.kubernetes.keyring, { ...formatKeyringEntries(after) });
  assert.deepEqual((await status(harness))["generations"], [
    { generation: 1, state: "older" },
    { generation: 2, state: "removed" },
    { generation: 3, state: "current" },
  ]);
  assert.match((await harness.run("keys", "rotate", "--prune", "--yes")).err, /There is no generation to remove/);
});

test("keys rotate --prune cut off between cluster and file can be run again", async (t) => {
  const harness = await thrice(t);
  const text = await harness.read(FILE);
  assert.equal((await harness.run("keys", "rotate", "--prune", "--yes")).code, 0);
  await harness.write(FILE, text);
  assert.equal((await harness.run("keys", "rotate", "--prune", "--yes")).code, 0);
  assert.deepEqual((await fileKeyring(harness)).numbers, [1, 3]);
});

const users: [string, (harness: Harness) => void, RegExp][] = [
  ["a state disk", (h) => use(h, 2, 3), /used by \d state disks?;/],
  ["a state disk that does not say", (h) => use(h, undefined, 3), /used by \d state disks?;/],
  ["a recorded machine without a node", (h) => void (h.kubernetes.nodeKeys = []), /used by \d state disks?/],
  ["a volume", (h) => void (h.kubernetes.volumes = [{ name: "pv", generation: 2 }]), /used by 1 volume;/],
  [
    "a volume that says an older one",
    (h) => void (h.kubernetes.volumes = [{ name: "pv", generation: 1 }]),
    /generation 2 may be used by 1 volume;/,
  ],
  ["a state disk that says an older one", (h) => use(h, 1, 3), /generation 2 may be used by \d state disks?;/],
  [
    "secrets that were not rewritten",
    (h) => void (h.kubernetes.rewrittenGeneration = 2),
    /used by Kubernetes secrets;/,
  ],
  ["an API server", (h) => use(h, 3, 2), /used by Kubernetes secrets;/],
  [
    "objects of the S3 proxy",
    (h) => void h.kubernetes.deployments.add("kube-system/s3proxy"),
    /objects that the S3 proxy/,
  ],
];
for (const [what, change, message] of users) {
  test(`keys rotate --prune refuses while ${what} may use one`, async (t) => {
    const harness = await thrice(t);
    change(harness);
    const text = await harness.read(FILE);
    const { code, err } = await harness.run("keys", "rotate", "--prune", "--yes");
    assert.equal(code, 1);
    assert.match(err, message);
    assert.equal(await harness.read(FILE), text);
    assert.notEqual(harness.kubernetes.keyring?.["mastersecret-2"]?.length, 0);
  });
}

test("keys rotate --prune goes on where the user says that no object needs them, and asks first", async (t) => {
  const harness = await thrice(t);
  harness.kubernetes.deployments.add("kube-system/s3proxy");
  harness.answers = ["n", "y"];
  const prune = () => harness.run("keys", "rotate", "--prune", "--objects-rewritten");
  assert.match((await prune()).err, /declined/);
  assert.equal((await prune()).code, 0);
});

test("keys needs a cluster that was initialised", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  assert.match((await harness.run("keys", "status")).err, /never initialised/);
});

for (const minutes of ["0", "-1", "1.5", "x", "10081"]) {
  test(`keys rotate refuses --timeout ${minutes}`, async (t) => {
    const harness = await Harness.create(t);
    assert.equal((await harness.run("keys", "rotate", `--timeout=${minutes}`)).code, 2);
  });
}

test("apply says that a new cluster begins with the first generation of a rotated file", async (t) => {
  const harness = await up(t);
  await harness.run("keys", "rotate", "--yes", "--no-wait");
  const text = await harness.read(FILE);
  assert.equal((await harness.run("terminate", "--yes")).code, 0);
  assert.equal(await harness.read(FILE), text);
  harness.nodes.clusterId = undefined;
  const { code, err } = await harness.run("apply", "--yes");
  assert.equal(code, 0, err);
  assert.match(err, /was rotated in an earlier cluster.*`constellation keys rotate` afterwards/);
  const own = await fileKeyring(harness);
  harness.kubernetes.keyring = { mastersecret: own.get(1).master.reveal(), salt: own.get(1).salt };
  assert.equal((await harness.run("keys", "rotate", "--yes", "--no-wait")).code, 0);
  assert.deepEqual(harness.kubernetes.keyring, { ...formatKeyringEntries(own) });
});
