import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterIdPcr } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { parseState } from "@constellation/config";
import { about, type Ear } from "@constellation/verdict";
import { Harness } from "../../testing/harness.ts";

async function up(t: Parameters<typeof Harness.create>[0]): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("mini", "up")).code, 0);
  return harness;
}

test("verify shows each register with actual and expected value and the chain, and exits with 0", async (t) => {
  const harness = await up(t);
  const { code, out, err } = await harness.run("verify");
  assert.equal(code, 0, err);
  assert.match(err, /Verification OK/);
  assert.match(out, /Verdict +accepted/);
  assert.match(out, /Certificate chain +CN=ak <- CN=tpm ca/);
  const { clusterID } = parseState(await harness.read("constellation-state.yaml")).clusterValues;
  const marker = clusterIdPcr(fromHex(clusterID));
  assert.match(out, new RegExp(`ok +PCR 15 +actual +${marker}\n +expected +${marker}`));
  assert.match(out, /any +PCR 0 +actual +7{64}\n +expected +any \(not in the configuration/);
});

test("verify exits with 1 and names the register that differs", async (t) => {
  const harness = await up(t);
  harness.nodes.checks = [
    about("hardware.evidence").pass("quote.signature"),
    about("executables.boot").fail("pcr[4]", "pcr_mismatch", { got: "aa", wanted: "bb" }),
  ];
  const text = await harness.run("verify");
  assert.equal(text.code, 1);
  assert.match(text.out, /FAILED +PCR 4 +actual +aa\n +expected +bb/);
  assert.match(text.out, /PCR 4 \(pcr_mismatch\): got aa, wanted bb/);
  const json = await harness.run("verify", "--output", "json");
  assert.equal(json.code, 1);
  const report = JSON.parse(json.out) as { accepted: boolean; pcrs: { index: number; outcome: string }[] };
  assert.equal(report.accepted, false);
  assert.equal(report.pcrs.find(({ index }) => index === 4)?.outcome, "fail");
});

test("verify says what the node's evidence shows, whose word it rests on, and both as an EAR", async (t) => {
  const harness = await up(t);
  const { out } = await harness.run("verify");
  assert.match(out, /^Trustworthiness: warning$/m);
  assert.match(out, /^Rests on the word of +the fake computer$/m);
  assert.match(out, /^ {2}executables +warning +not all that was loaded is known: pcr\[0\], pcr\[2\]$/m);
  const json = await harness.run("verify", "-o", "json");
  const { ear, verifiedAt } = JSON.parse(json.out) as { ear: Ear; verifiedAt: string };
  assert.equal(ear.iat, Math.floor(new Date(verifiedAt).getTime() / 1000));
  const appraisal = ear.submods["qemu-vtpm"];
  assert.equal(appraisal?.["ear.status"], "warning");
  assert.match(appraisal["ear.appraisal-policy-id"] ?? "", /^sha256:[0-9a-f]{64}$/);
  const { trust, checks } = appraisal["urn:constellation:appraisal"];
  assert.deepEqual([trust, checks.length], [["the fake computer"], 17]);
});

test("verify --output json parses and has all registers, checks and the chain", async (t) => {
  const harness = await up(t);
  const { code, out } = await harness.run("verify", "-o", "json");
  assert.equal(code, 0);
  const report = JSON.parse(out) as { pcrs: unknown[]; chain: string[]; checks: unknown[]; verifiedAt: string };
  assert.equal(report.pcrs.length, 16);
  assert.deepEqual(report.chain, ["CN=ak", "CN=tpm ca"]);
  assert.equal(report.checks.length, 1);
});

test("verify does not let evidence move the cursor of a terminal", async (t) => {
  const harness = await up(t);
  harness.nodes.claims = { chain: ["CN=\u001b[2J"] };
  harness.nodes.checks = [
    about("hardware.evidence").fail("evidence", "evidence_malformed", { reason: "got \u001b[1A" }),
  ];
  const { out } = await harness.run("verify");
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(out, /\u001b/);
});

test("verify takes another endpoint and cluster ID", async (t) => {
  const harness = await up(t);
  const id = "ab".repeat(32);
  const { out } = await harness.run("verify", "-e", "10.0.0.1:31000", "--cluster-id", id, "-o", "json");
  const report = JSON.parse(out) as { endpoint: string; clusterID: string };
  assert.equal(report.endpoint, "10.0.0.1:31000");
  assert.equal(report.clusterID, id);
  assert.equal((await harness.run("verify", "--cluster-id", "zz")).code, 2);
  assert.equal((await harness.run("verify", "-e", "a b:1")).code, 2);
  assert.equal((await harness.run("verify", "-e", "host:99999")).code, 2);
});

test("verify says what is missing where there is no cluster or no answer", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  const none = await harness.run("verify");
  assert.equal(none.code, 1);
  assert.match(none.err, /the state file has no cluster ID/);
  const silent = await harness.run("verify", "-e", "10.0.0.1", "--cluster-id", "ab".repeat(32));
  assert.equal(silent.code, 1);
  assert.match(silent.err, /Wait for evidence from 10\.0\.0\.1:30081 failed/);
});
