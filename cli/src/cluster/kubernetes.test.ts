import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeError } from "@constellation/kube";
import { Harness } from "../testing/harness.ts";

const FORBIDDEN = new KubeError(
  "forbidden",
  'List nodes failed: got status "403 Forbidden": nodes is forbidden: User "ada" cannot list resource "nodes"',
  { status: 403 },
);
const UNAUTHORIZED = new KubeError("unauthorized", 'List nodes failed: got status "401 Unauthorized"', { status: 401 });
const UNREACHABLE = new KubeError("unreachable", 'List nodes failed: got "ECONNREFUSED"');

/** The waits of `apply`, each with the number of calls that are answered before it begins. */
const WAITS: readonly [string, "fresh" | "initialised", number][] = [
  ["Compare attestation policy and node records", "fresh", 0],
  ["Wait for 1 node to be Ready", "fresh", 1],
  ["Wait for the cluster's DNS", "fresh", 2],
  ["Reach the API server", "initialised", 0],
];

interface Setup {
  readonly stage: "fresh" | "initialised";
  /** The first this many calls are answered. */
  readonly answered?: number;
  /** What the others get, with the time since the first of them; undefined is an answer. */
  readonly fail: (waitedMs: number) => Error | undefined;
}

/** Runs `apply` with an API server that fails as told, and gives the time from the first failure to the end. */
async function applyWith(t: Parameters<typeof Harness.create>[0], { stage, answered = 0, fail }: Setup) {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  await harness.edit("constellation-conf.yaml", (text) => text.replace("initialCount: 3", "initialCount: 1"));
  if (stage === "initialised") assert.equal((await harness.run("apply", "-y")).code, 0);
  let calls = 0;
  let beginMs: number | undefined;
  harness.kubernetes.onCall = () => {
    if (calls++ < answered) return;
    beginMs ??= harness.clock.monotonicMs();
    const error = fail(harness.clock.monotonicMs() - beginMs);
    if (error !== undefined) throw error;
  };
  const outcome = await harness.run("apply", "-y");
  return { ...outcome, waitedMs: harness.clock.monotonicMs() - (beginMs ?? 0), calls };
}

for (const [step, stage, answered] of WAITS) {
  test(`"${step}" takes 403 for a start of the API server, but not for ever`, async (t) => {
    const { code, err, waitedMs } = await applyWith(t, { stage, answered, fail: () => FORBIDDEN });
    assert.equal(code, 1);
    assert.match(err, new RegExp(`${step} \\.\\.\\. failed after 2m0`));
    assert.match(err, /Error: Call Kubernetes failed: the API server has refused it for 2 minutes: List nodes failed/);
    assert.match(err, /User "ada" cannot list resource "nodes"/);
    assert.match(err, /Hint: constellation-admin\.conf may be another user's/);
    assert.ok(waitedMs >= 120_000 && waitedMs < 130_000, `${waitedMs}`);
  });

  test(`"${step}" goes on when 403 has passed within its grace`, async (t) => {
    const fail = (waitedMs: number) => (waitedMs < 100_000 ? FORBIDDEN : undefined);
    const { code, err } = await applyWith(t, { stage, answered, fail });
    assert.equal(code, 0, err);
  });

  test(`"${step}" fails at once with 401`, async (t) => {
    const { code, err, waitedMs, calls } = await applyWith(t, { stage, answered, fail: () => UNAUTHORIZED });
    assert.equal(code, 1);
    assert.match(err, /Error: Call Kubernetes failed: the API server does not know the user: .*401 Unauthorized/);
    assert.match(err, /Hint: constellation-admin\.conf may have ended/);
    assert.deepEqual([waitedMs, calls], [0, answered + 1]);
  });
}

test("a 403 after other failures begins a grace of its own: the API server was started again", async (t) => {
  const fail = (waitedMs: number) => {
    if (waitedMs > 300_000) return undefined;
    return Math.floor(waitedMs / 50_000) % 2 === 0 ? FORBIDDEN : UNREACHABLE;
  };
  const { code, err } = await applyWith(t, { stage: "initialised", fail });
  assert.equal(code, 0, err);
});
