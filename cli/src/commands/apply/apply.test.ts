import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { clusterIdPcr } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { parseState } from "@constellation/config";
import { configTextFor } from "@constellation/config/testing";
import { CliError } from "../../errors.ts";
import { qemuPolicy } from "../../testing/fake-nodes.ts";
import { Harness, type Outcome } from "../../testing/harness.ts";

const ZERO = "0".repeat(64);

/** Machines that this program did not make. */
const STATE_BY_HAND = `version: v1
infrastructure:
  uid: abcd1234
  name: by-hand
  clusterEndpoint: 192.0.2.10
  inClusterEndpoint: 192.0.2.10
  ipCidrNode: 192.0.2.0/24
  nodes:
    - { name: cp-0, role: control-plane, ekDigest: "${"a".repeat(64)}", diskUUID: 11111111-1111-4111-8111-111111111111 }
    - { name: w-0, role: worker, ekDigest: "${"b".repeat(64)}", diskUUID: 22222222-2222-4222-8222-222222222222 }
`;

async function configured(t: TestContext): Promise<Harness> {
  const harness = await Harness.create(t);
  const generated = await harness.run("config", "generate", "qemu", "--name", "mini");
  assert.equal(generated.code, 0, generated.err);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("initialCount: 3", "initialCount: 1"));
  return harness;
}

async function applied(t: TestContext): Promise<Harness> {
  const harness = await configured(t);
  const outcome = await harness.run("apply", "-y");
  assert.equal(outcome.code, 0, outcome.err);
  return harness;
}

function files(harness: Harness): string[] {
  return ["constellation-state.yaml", "constellation-mastersecret.json", "constellation-admin.conf"].filter((name) =>
    existsSync(harness.path(name)),
  );
}

function refused(outcome: Outcome, ...patterns: RegExp[]): void {
  assert.equal(outcome.code, 1, outcome.err);
  for (const pattern of patterns) assert.match(outcome.err, pattern);
  assert.doesNotMatch(outcome.err, /\n {4}at /, "no stack trace");
}

test("apply creates machines, initialises the cluster and waits for all nodes", async (t) => {
  const harness = await configured(t);
  harness.answers = ["y"];
  const { code, out, err } = await harness.run("apply");
  assert.equal(code, 0, err);
  assert.match(err, /will be created:\n {2}1 control-plane node and 1 worker node/);
  assert.match(err, /Do you want to create this cluster\? \[y\/n\]: /);
  assert.match(err, /\+ {2}init {15}initialise the cluster/);
  assert.match(err, /Start control plane \.\.\. \d+\.\ds/);
  assert.match(out, /export KUBECONFIG=".*\/w\/constellation-admin\.conf"/);
  const state = parseState(await harness.read("constellation-state.yaml"));
  assert.equal(state.infrastructure.qemu?.nodes.length, 2);
  assert.match(state.clusterValues.clusterID, /^[0-9a-f]{64}$/);
  assert.match(await harness.read("constellation-admin.conf"), /server: https:\/\/127\.9\.9\.1:6443/);
  for (const name of ["constellation-mastersecret.json", "constellation-admin.conf", "constellation-state.yaml"]) {
    assert.equal((await stat(harness.path(name))).mode & 0o777, 0o600, name);
  }
  assert.equal(existsSync(harness.path("constellation.lock")), false);
});

test("apply sends the whole policy and admits recorded control planes of no cluster or of this one only", async (t) => {
  const harness = await applied(t);
  const [call] = harness.nodes.inits;
  assert.deepEqual(call?.endpoint, { host: "127.9.9.1", port: 9000 });
  assert.ok(harness.nodes.clusterId);
  assert.deepEqual(qemuPolicy(call?.policy).pcrs["15"], {
    kind: "equal",
    anyOf: [ZERO, clusterIdPcr(harness.nodes.clusterId)],
  });
  assert.deepEqual(qemuPolicy(call?.parameters.policy).pcrs["15"], { kind: "equal", anyOf: [ZERO] });
  assert.deepEqual(qemuPolicy(call?.policy).endorsements, { kind: "anyOf", ekDigests: ["a".repeat(64)] });
  assert.deepEqual(qemuPolicy(call?.parameters.policy).endorsements, {
    kind: "anyOf",
    ekDigests: ["a".repeat(64), "1".repeat(64)],
  });
  assert.equal(call?.parameters.timingProfile, "patient");
  assert.deepEqual(call?.parameters.apiServerCertSans, ["127.9.9.1", "10.42.0.10"]);
});

test("apply that is declined changes nothing", async (t) => {
  const harness = await configured(t);
  harness.answers = ["maybe", "no"];
  refused(await harness.run("apply"), /declined/, /Type 'y' or 'yes' to confirm/);
  assert.deepEqual(files(harness), []);
  assert.equal(harness.infrastructure.specs.length, 0);
});

test("apply gives up after three wrong answers and at the end of input", async (t) => {
  const harness = await configured(t);
  harness.answers = ["1", "2", "3"];
  refused(await harness.run("apply"), /got 3 answers/);
  harness.answers = [undefined];
  refused(await harness.run("apply"), /the input has ended/, /Hint: .*--yes/);
});

test("apply of an up-to-date cluster asks nothing and changes nothing", async (t) => {
  const harness = await applied(t);
  const before = harness.kubernetes.configMap;
  const { code, err } = await harness.run("apply");
  assert.equal(code, 0, err);
  assert.doesNotMatch(err, /\[y\/n\]/);
  assert.match(err, /- {2}init {15}done before/);
  assert.equal(harness.nodes.inits.length, 1);
  assert.deepEqual(harness.kubernetes.configMap, before);
});

test("apply adds a worker: machine, record in the cluster and policy", async (t) => {
  const harness = await applied(t);
  await harness.edit("constellation-conf.yaml", (text) => text.replace(/(role: worker[\s\S]*?initialCount: )1/, "$12"));
  harness.kubernetes.setNodes(["control-plane-0", "worker-0", "worker-1"], true);
  harness.answers = ["y"];
  const { code, err } = await harness.run("apply");
  assert.equal(code, 0, err);
  assert.match(err, /Add 1 worker node: from 1 to 2/);
  assert.match(harness.kubernetes.configMap?.["nodes.json"] ?? "", /worker-1/);
  assert.match(harness.kubernetes.configMap?.["policy.json"] ?? "", /2{64}/);
});

test("apply asks before it changes the attestation policy, and shows the difference", async (t) => {
  const harness = await applied(t);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("warnOnly: false", "warnOnly: true"));
  harness.answers = ["n"];
  refused(
    await harness.run("apply"),
    /- pcrs\.4\.anyOf\.0: "4{64}"/,
    /\+ pcrs\.4\.reason: "warnOnly/,
    /PCR 4 may have any/,
  );
  harness.answers = ["y"];
  assert.equal((await harness.run("apply")).code, 0);
  assert.match(harness.kubernetes.configMap?.["policy.json"] ?? "", /warnOnly in the configuration/);
});

test("apply --yes changes the attestation policy without asking, and shows the difference all the same", async (t) => {
  const harness = await applied(t);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("warnOnly: false", "warnOnly: true"));
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.match(err, /The attestation policy of the cluster will change:\n[\s\S]*- pcrs\.4\.anyOf\.0: "4{64}"/);
  assert.doesNotMatch(err, /\[y\/n\]/);
  assert.match(harness.kubernetes.configMap?.["policy.json"] ?? "", /warnOnly in the configuration/);
  assert.doesNotMatch((await harness.run("apply", "-y")).err, /will change/);
});

test("apply asks before the cluster admits other machines that were made by hand, and shows which", async (t) => {
  const harness = await configured(t);
  const section = { launchMeasurements: ["ab".repeat(48)] };
  await harness.write("constellation-conf.yaml", configTextFor("qemu-sev-snp", section));
  await harness.write("constellation-state.yaml", STATE_BY_HAND);
  const apply = ["apply", "--skip-phases", "infrastructure"] as const;
  assert.equal((await harness.run(...apply, "-y")).code, 0);
  await harness.edit("constellation-state.yaml", (text) => text.replaceAll("b".repeat(64), "d".repeat(64)));
  harness.answers = ["y", "n"];
  refused(
    await harness.run(...apply),
    /The machines that the cluster admits will change:\n- w-0\.ekDigest: "b{64}"\n\+ w-0\.ekDigest: "d{64}"\n/,
  );
  assert.match(harness.kubernetes.configMap?.["nodes.json"] ?? "", /b{64}/);
  harness.answers = ["y", "y"];
  assert.equal((await harness.run(...apply)).code, 0);
  assert.match(harness.kubernetes.configMap?.["nodes.json"] ?? "", /d{64}/);
});

test("apply refuses fewer control planes", async (t) => {
  const harness = await configured(t);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("initialCount: 1", "initialCount: 3"));
  assert.equal((await harness.run("apply", "-y")).code, 0);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("initialCount: 3", "initialCount: 1"));
  refused(await harness.run("apply", "-y"), /3 control planes/, /Hint: control planes can be added but not removed/);
});

test("apply --skip-phases leaves phases out and refuses what makes no sense", async (t) => {
  const harness = await configured(t);
  refused(await harness.run("apply", "-y", "--skip-phases", "infrastructure"), /there are no machines/);
  const machines = await harness.run("apply", "-y", "--skip-phases", "init,attestationconfig");
  assert.equal(machines.code, 0, machines.err);
  assert.match(machines.out, /not initialised/);
  assert.deepEqual(files(harness), ["constellation-state.yaml"]);
  const rest = await harness.run("apply", "-y", "--skip-phases", "infrastructure");
  assert.equal(rest.code, 0, rest.err);
  assert.equal(harness.infrastructure.specs.length, 1);
  assert.equal((await harness.run("apply", "--skip-phases", "helm")).code, 2);
});

test("apply makes no machines for other variants, and sends their policy to those that were made by hand", async (t) => {
  const harness = await configured(t);
  const section = { launchMeasurements: ["ab".repeat(48)] };
  await harness.write("constellation-conf.yaml", configTextFor("qemu-sev-snp", section));
  refused(
    await harness.run("apply", "-y"),
    /asks for evidence of qemu-sev-snp, and this program makes machines for qemu-vtpm only/,
    /Hint: .*--skip-phases infrastructure/,
  );
  assert.deepEqual(harness.infrastructure.specs, []);
  await harness.write("constellation-state.yaml", STATE_BY_HAND);
  const { code, err } = await harness.run("apply", "-y", "--skip-phases", "infrastructure");
  assert.equal(code, 0, err);
  assert.match(err, /^Warning: evidence of sev-snp does not show whether a machine is fresh: /m);
  const policy = harness.nodes.inits[0]?.policy;
  assert.ok(policy?.variant === "sev-snp");
  assert.deepEqual(policy.machines, { kind: "anyOf", digests: [fromHex("a".repeat(64))] });
  const sent = harness.nodes.inits[0]?.parameters;
  assert.deepEqual(
    sent?.nodes.map(({ name }) => name),
    ["cp-0", "w-0"],
  );
  assert.ok(sent?.policy.variant === "sev-snp");
  assert.deepEqual(sent.policy.machines, {
    kind: "anyOf",
    digests: ["a", "b"].map((digit) => fromHex(digit.repeat(64))),
  });
});

test("apply waits for a control plane that does not answer yet", async (t) => {
  const harness = await configured(t);
  harness.nodes.beforeInit = (_, attempt) => {
    if (attempt < 20) throw new CliError("unreachable", "nobody answers");
  };
  assert.equal((await harness.run("apply", "-y")).code, 0);
  assert.ok(harness.clock.monotonicMs() > 10_000);
});

test("apply asks again when the connection breaks after the node has taken the cluster ID", async (t) => {
  const harness = await configured(t);
  harness.nodes.afterInit = (_, attempt) => {
    if (attempt === 1) throw new CliError("unreachable", "connection reset");
  };
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.equal(harness.nodes.inits.length, 2);
});

test("apply recovers control planes that all have been down", async (t) => {
  const harness = await applied(t);
  harness.nodes.waiting = 1;
  harness.kubernetes.onCall = () => {
    const down = harness.nodes.recoveries.length === 0;
    if (down) throw Object.assign(new Error("connection refused"), { retryable: true });
  };
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.match(err, /Recovered a control plane\./);
  const [recovery] = harness.nodes.recoveries;
  assert.deepEqual(qemuPolicy(recovery?.policy).pcrs["15"], { kind: "equal", anyOf: [ZERO] });
  assert.deepEqual(qemuPolicy(recovery?.policy).endorsements, { kind: "anyOf", ekDigests: ["a".repeat(64)] });
});

test("apply stops waiting for an API server that does not come back", async (t) => {
  const harness = await applied(t);
  harness.kubernetes.onCall = () => {
    throw Object.assign(new Error("connection refused"), { retryable: true });
  };
  refused(await harness.run("apply", "-y"), /Reach the API server failed: it took longer than 30 minutes/, /Hint: /);
});

test("apply stops waiting when nothing comes, and says for what it waited", async (t) => {
  const harness = await configured(t);
  harness.nodes.beforeInit = () => {
    throw new CliError("unreachable", "connection refused");
  };
  refused(await harness.run("apply", "-y"), /Wait for the first control plane at 127\.9\.9\.1:9000 failed/, /refused/);
});

test("apply stops waiting when a machine dies", async (t) => {
  const harness = await configured(t);
  harness.nodes.beforeInit = () => {
    harness.infrastructure.crash("control-plane-0");
    throw new CliError("unreachable", "connection refused");
  };
  refused(
    await harness.run("apply", "-y"),
    /"control-plane-0\/machine" ended \(see console\.log\)/,
    /Hint: run .constell/,
  );
});

test("apply does not try again when evidence is refused", async (t) => {
  const harness = await configured(t);
  let attempts = 0;
  harness.nodes.beforeInit = () => {
    attempts++;
    throw new CliError("untrusted", 'check "pcr[4]": got x, wanted y');
  };
  refused(await harness.run("apply", "-y"), /check "pcr\[4\]"/);
  assert.equal(attempts, 1);
  assert.equal(harness.nodes.inits.length, 0);
});

test("apply keeps the logs of a failed init", async (t) => {
  const harness = await configured(t);
  harness.nodes.afterInit = (call) => {
    call.onEvent({ kind: "log", data: new TextEncoder().encode("kubeadm: no\n") });
    call.onEvent({ kind: "log", data: new TextEncoder().encode("kubeadm: really no\n") });
    throw new CliError("init-failed", "kubeadm failed");
  };
  refused(
    await harness.run("apply", "-y"),
    /kubeadm failed/,
    /Hint: the node's logs are in w\/constellation-cluster\.log/,
  );
  assert.equal(await harness.read("constellation-cluster.log"), "kubeadm: no\nkubeadm: really no\n");
});

test("apply refuses a node that reports another cluster ID", async (t) => {
  const harness = await configured(t);
  harness.nodes.afterInit = () => harness.nodes.clusterId?.set([0], 0);
  refused(await harness.run("apply", "-y"), /the node reports cluster ID/);
  assert.deepEqual(files(harness), ["constellation-state.yaml", "constellation-mastersecret.json"]);
});

for (const [when, cut] of [
  ["before the node hears of it", (h: Harness) => (h.nodes.beforeInit = cutOnce())],
  ["after the node is initialised, before it answers", (h: Harness) => (h.nodes.afterInit = cutOnce())],
  ["while machines are made", (h: Harness) => (h.infrastructure.onEnsure = cutOnce())],
] as const) {
  test(`apply that is cut off ${when} goes on with the same secret`, async (t) => {
    const harness = await configured(t);
    cut(harness);
    assert.equal((await harness.run("apply", "-y")).code, 1);
    const secret = await harness.read("constellation-mastersecret.json").catch(() => undefined);
    const second = await harness.run("apply", "-y");
    assert.equal(second.code, 0, second.err);
    if (secret !== undefined) assert.equal(await harness.read("constellation-mastersecret.json"), secret);
    assert.deepEqual(files(harness).length, 3);
  });
}

function cutOnce(): () => void {
  let cut = false;
  return () => {
    if (cut) return;
    cut = true;
    throw new Error("killed");
  };
}

test("apply that goes on accepts the node of this cluster ID and no other", async (t) => {
  const harness = await configured(t);
  harness.nodes.afterInit = cutOnce();
  await harness.run("apply", "-y");
  const ours = harness.nodes.clusterId;
  assert.ok(ours);
  harness.nodes.clusterId = new Uint8Array(32).fill(0xee);
  refused(await harness.run("apply", "-y"), /pcr\[15\]/);
  harness.nodes.clusterId = ours;
  assert.equal((await harness.run("apply", "-y")).code, 0);
  assert.deepEqual(qemuPolicy(harness.nodes.inits.at(-1)?.policy).pcrs["15"], {
    kind: "equal",
    anyOf: [ZERO, clusterIdPcr(ours)],
  });
});

test("apply goes on from every set of files that a kill can leave", async (t) => {
  const done = await applied(t);
  const [state, secret, conf, admin] = await Promise.all(
    [
      "constellation-state.yaml",
      "constellation-mastersecret.json",
      "constellation-conf.yaml",
      "constellation-admin.conf",
    ].map((name) => done.read(name)),
  );
  const preInit = state?.replace(/clusterID: .*/, 'clusterID: ""') ?? "";
  const cases: [string, Record<string, string>][] = [
    ["machines only", { "constellation-state.yaml": preInit.replace(/measurementSalt: .*/, 'measurementSalt: ""') }],
    [
      "master secret, no salt",
      {
        "constellation-state.yaml": preInit.replace(/measurementSalt: .*/, 'measurementSalt: ""'),
        "constellation-mastersecret.json": secret ?? "",
      },
    ],
    ["salt", { "constellation-state.yaml": preInit, "constellation-mastersecret.json": secret ?? "" }],
    [
      "kubeconfig, cluster ID not yet in the state",
      {
        "constellation-state.yaml": preInit,
        "constellation-mastersecret.json": secret ?? "",
        "constellation-admin.conf": admin ?? "",
      },
    ],
    [
      "no kubeconfig any more",
      { "constellation-state.yaml": state ?? "", "constellation-mastersecret.json": secret ?? "" },
    ],
  ];
  for (const [name, contents] of cases) {
    await t.test(name, async (t) => {
      const harness = await Harness.create(t);
      await harness.write("constellation-conf.yaml", conf ?? "");
      for (const [file, text] of Object.entries(contents)) await harness.write(file, text);
      await harness.infrastructure.ensure(done.infrastructure.specs[0]!, {
        signal: new AbortController().signal,
        onStep: () => {},
      });
      if (!name.startsWith("machines") && name !== "master secret, no salt") {
        harness.nodes.clusterId = done.nodes.clusterId;
        harness.kubernetes.configMap = done.kubernetes.configMap;
      }
      const outcome = await harness.run("apply", "-y");
      assert.equal(outcome.code, 0, outcome.err);
      assert.equal(files(harness).length, 3);
    });
  }
});

test("apply refuses a workspace whose files contradict each other", async (t) => {
  const harness = await configured(t);
  await harness.write("constellation-admin.conf", "stale");
  refused(await harness.run("apply", "-y"), /kubeconfig of another cluster/, /Hint: end the other cluster/);
});

test("apply in an empty folder and in none says what is missing", async (t) => {
  const harness = await Harness.create(t);
  refused(
    await harness.run("apply"),
    /Read w\/constellation-conf\.yaml failed: there is no such file/,
    /Hint: generate/,
  );
  refused(await harness.run("-C", "nowhere", "apply"), /Open workspace failed: there is no folder "nowhere"/, /Hint: /);
});

test("apply refuses to go on without the master secret", async (t) => {
  const harness = await applied(t);
  await harness.edit("constellation-state.yaml", (text) => text);
  const { rm } = await import("node:fs/promises");
  await rm(harness.path("constellation-mastersecret.json"));
  refused(await harness.run("apply", "-y"), /constellation-mastersecret\.json of this cluster is missing/);
});

test("apply refuses a master secret that others can read, and shows nothing of it", async (t) => {
  const harness = await configured(t);
  const { chmod } = await import("node:fs/promises");
  await harness.write("constellation-mastersecret.json", '{"key":"c2VjcmV0","salt":"c2VjcmV0"}');
  await chmod(harness.path("constellation-mastersecret.json"), 0o644);
  const open = await harness.run("apply", "-y");
  refused(open, /mode 0644, wanted your own file with mode 0600/, /chmod 600/);
  await chmod(harness.path("constellation-mastersecret.json"), 0o600);
  const damaged = await harness.run("apply", "-y");
  refused(damaged, /key: got 6 bytes, wanted 32 bytes in base64/);
  assert.doesNotMatch(damaged.err, /c2VjcmV0/);
});

test("apply reuses the master secret that terminate has kept", async (t) => {
  const harness = await applied(t);
  const secret = await harness.read("constellation-mastersecret.json");
  assert.equal((await harness.run("terminate", "-y")).code, 0);
  harness.nodes.clusterId = undefined;
  harness.kubernetes.configMap = undefined;
  const again = await harness.run("apply", "-y");
  assert.equal(again.code, 0, again.err);
  assert.match(again.err, /with the master secret that is in the workspace already/);
  assert.equal(await harness.read("constellation-mastersecret.json"), secret);
});

test("apply that is interrupted ends with 130 and goes on when run again", async (t) => {
  const harness = await configured(t);
  harness.onErr = (text, interrupt) => {
    if (text.startsWith("Your master secret")) interrupt();
  };
  const first = await harness.run("apply", "-y");
  assert.equal(first.code, 130);
  assert.match(first.err, /Press ctrl\+c again to terminate the program immediately/);
  harness.onErr = () => {};
  const second = await harness.run("apply", "-y");
  assert.equal(second.code, 0, second.err);
});

test("apply stops waiting for nodes after its bound and names them", async (t) => {
  const harness = await configured(t);
  harness.nodes.afterInit = () => harness.kubernetes.setNodes(["control-plane-0"], true);
  refused(await harness.run("apply", "-y"), /after 60 minutes: 1 of 2; waiting for worker-0 to join/);
  const skipped = await harness.run("apply", "-y", "--skip-node-wait");
  assert.equal(skipped.code, 0);
});

test("apply waits for the cluster's DNS, and on emulated machines before workers start", async (t) => {
  const harness = await configured(t);
  harness.kubernetes.dns = false;
  refused(await harness.run("apply", "-y"), /Wait for the cluster's DNS failed after 60 minutes/, /coredns/);
  assert.deepEqual(harness.infrastructure.deferrals, [true], "no worker was started");
  harness.kubernetes.dns = true;
  const again = await harness.run("apply", "-y");
  assert.equal(again.code, 0, again.err);
});

test("apply waits for a DNS that is not there only while the cluster is made: later the user may have replaced it", async (t) => {
  const harness = await configured(t);
  harness.kubernetes.dns = undefined;
  refused(await harness.run("apply", "-y"), /Wait for the cluster's DNS failed after 60 minutes/, /coredns/);
  const beginMs = harness.clock.monotonicMs();
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
  assert.match(err, /Warning: there is no Deployment kube-system\/coredns, so the cluster's DNS was not waited for/);
  assert.equal(harness.clock.monotonicMs(), beginMs);
  harness.kubernetes.dns = false;
  refused(await harness.run("apply", "-y"), /Wait for the cluster's DNS failed after 60 minutes/);
});

test("apply goes on waiting while the API server does not answer", async (t) => {
  const harness = await configured(t);
  let failures = 0;
  harness.nodes.afterInit = () => {
    harness.kubernetes.onCall = () => {
      if (failures++ < 3) throw Object.assign(new Error("connection refused"), { retryable: true });
    };
  };
  const { code, err } = await harness.run("apply", "-y");
  assert.equal(code, 0, err);
});

test("apply warns when configuration and image differ", async (t) => {
  const harness = await configured(t);
  await harness.edit("constellation-conf.yaml", (text) => text.replace("4".repeat(64), "5".repeat(64)));
  const { err } = await harness.run("apply", "-y");
  assert.match(err, /Warning: the configuration's measurements are not those of the image \(PCR 4\)/);
});

test("apply refuses a damaged image before it asks or creates anything, and goes on with --force", async (t) => {
  const harness = await configured(t);
  harness.machine.digest = "6".repeat(64);
  const { code, out, err } = await harness.run("apply", "-y", "-o", "json");
  assert.equal(code, 1);
  assert.equal((JSON.parse(out) as { error: { code: string } }).error.code, "image");
  assert.match(err, /Check node image failed: ".*" is damaged: got sha256 6{64}, wanted 5{64}\nHint: .*`make image`/);
  assert.doesNotMatch(err, /will be created/);
  assert.equal(harness.infrastructure.specs.length, 0);
  const forced = await harness.run("--force", "apply", "-y");
  assert.equal(forced.code, 0, forced.err);
  assert.match(forced.err, /Warning: ".*" is damaged/);
});

test("apply refuses an image beside which no manifest names its digest", async (t) => {
  const harness = await configured(t);
  harness.machine.files.delete(join(harness.folder, "build/image/manifest.json"));
  refused(
    await harness.run("apply", "-y"),
    /Check node image failed: manifest\.json beside it names no digest/,
    /Hint: /,
  );
});

test("apply reads the image whenever it adds machines, and only then", async (t) => {
  const harness = await applied(t);
  const change = (text: string) =>
    text.replace(/(role: worker[\s\S]*?initialCount: )\d/, (_, head) => `${head}${count}`);
  let count = 2;
  harness.machine.digest = "6".repeat(64);
  assert.equal((await harness.run("apply", "-y")).code, 0);
  await harness.edit("constellation-conf.yaml", change);
  refused(await harness.run("apply", "-y"), /is damaged/);
  assert.equal((await harness.run("apply", "-y", "--skip-phases", "infrastructure")).code, 0);
  count = 0;
  await harness.edit("constellation-conf.yaml", change);
  const fewer = await harness.run("apply", "-y");
  assert.equal(fewer.code, 0, fewer.err);
});

test("apply lists every wrong field of the configuration", async (t) => {
  const harness = await configured(t);
  await harness.edit("constellation-conf.yaml", (text) =>
    text.replace("vcpus: 2", "vcpus: two").replace("debugCluster: false", "debugCluster: 0"),
  );
  refused(
    await harness.run("apply", "-y"),
    /2 fields are wrong/,
    /provider\.qemu\.vcpus: got "two", wanted a whole number from 2 to 256/,
    /debugCluster: got 0, wanted true or false/,
  );
});

test("apply --output json gives a report that parses, also of an error", async (t) => {
  const harness = await configured(t);
  const good = JSON.parse((await harness.run("apply", "-y", "--output", "json")).out) as { nodes: { name: string }[] };
  assert.deepEqual(
    good.nodes.map((node) => node.name),
    ["control-plane-0", "worker-0"],
  );
  await harness.write("constellation-conf.yaml", "version: v3");
  const bad = JSON.parse((await harness.run("apply", "-y", "--output", "json")).out) as { error: { code: string } };
  assert.equal(bad.error.code, "version");
});

test("apply refuses to work beside another command", async (t) => {
  const harness = await configured(t);
  let inner: Outcome | undefined;
  let started: Promise<void> | undefined;
  harness.infrastructure.onEnsure = () => {
    started ??= harness.run("apply", "-y").then((outcome) => void (inner = outcome));
  };
  assert.equal((await harness.run("apply", "-y")).code, 0);
  await started;
  assert.ok(inner);
  refused(inner, new RegExp(`process ${process.pid}`));
});

test("apply takes over the lock of a command that was killed", async (t) => {
  const harness = await configured(t);
  await harness.write("constellation.lock", '{"pid":1,"started":"0"}\n');
  assert.equal((await harness.run("apply", "-y")).code, 0);
});
