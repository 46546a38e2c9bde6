import assert from "node:assert/strict";
import { copyFile, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { serializeEvidence } from "@constellation/attestation";
import { configTextFor } from "@constellation/config/testing";
import { appraiser } from "../../adapters/appraiser.ts";
import { Harness } from "../../testing/harness.ts";
import { vendorsOf } from "../../testing/vendors.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");
const REPORT = join(VECTORS, "sev-snp/milan-v3-dstack/report.bin");
const DAY_MS = 24 * 3_600_000;

interface Report {
  readonly accepted: boolean;
  readonly machine: string;
  readonly pcrs: readonly unknown[];
  readonly checks: readonly { readonly name: string; readonly outcome: string; readonly code?: string }[];
}

/** A cluster of SEV-SNP machines made by hand; its node answers with a real report. */
async function snpCluster(t: TestContext): Promise<Harness> {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("mini", "up")).code, 0);
  const section = { launchMeasurements: ["ab".repeat(48)] };
  await harness.write("constellation-conf.yaml", configTextFor("qemu-sev-snp", section));
  const nothing = { endorsementCert: new Uint8Array(), caChain: [], crls: [] };
  const report = new Uint8Array(await readFile(REPORT));
  harness.nodes.evidenceBytes = serializeEvidence({ variant: "sev-snp", sevSnp: { report, ...nothing } });
  harness.appraiser = appraiser;
  // The chip's certificate is younger than the tests' clock.
  await harness.clock.sleep(300 * DAY_MS, AbortSignal.timeout(60_000));
  return harness;
}

async function verified(harness: Harness): Promise<Report> {
  const { code, out, err } = await harness.run("verify", "-o", "json");
  assert.equal(code, 1, err);
  return JSON.parse(out) as Report;
}

function outcomeOf(report: Report, name: string): string | undefined {
  const check = report.checks.find((one) => one.name === name);
  return check?.code ?? check?.outcome;
}

test("verify refuses a report of SEV-SNP whose certificates can't be had", async (t) => {
  const report = await verified(await snpCluster(t));
  assert.equal(report.accepted, false);
  assert.deepEqual(report.pcrs, []);
  assert.notEqual(outcomeOf(report, "sevSnp.report.signature"), "pass");
});

test("verify gets from the vendor what the machine did not send, and refuses it without a CRL", async (t) => {
  const harness = await snpCluster(t);
  harness.endorsements = vendorsOf(VECTORS);
  const report = await verified(harness);
  assert.equal(outcomeOf(report, "sevSnp.report.signature"), "pass");
  assert.equal(outcomeOf(report, "sevSnp.caChain.issuers"), "pass");
  assert.equal(outcomeOf(report, "sevSnp.caChain.revocation"), "revocation_crl_missing");
  assert.equal(report.accepted, false);
  assert.match(report.machine, /^[0-9a-f]{64}$/);
  const { out } = await harness.run("verify");
  assert.match(out, new RegExp(`^Machine +sha256:${report.machine}$`, "m"));
  assert.doesNotMatch(out, /Registers:|Endorsement key/);
});

test("verify does not say of SEV-SNP that it verified the cluster ID", async (t) => {
  const harness = await snpCluster(t);
  const id = "c".repeat(64);
  const { out } = await harness.run("verify", "--cluster-id", id);
  assert.match(out, new RegExp(`^Cluster ID +${id} \\(not verified: sev-snp can't show it\\)$`, "m"));
  const json = await harness.run("verify", "--cluster-id", id, "-o", "json");
  assert.equal((JSON.parse(json.out) as { clusterIDVerified: boolean }).clusterIDVerified, false);
});

test("verify takes endorsements from the workspace's bundle, and from nowhere else then", async (t) => {
  const harness = await snpCluster(t);
  const silent = harness.endorsements;
  harness.endorsements = vendorsOf(VECTORS);
  await copyFile(REPORT, harness.path("report.bin"));
  const fetched = await harness.run(
    "evidence",
    "fetch",
    harness.path("report.bin"),
    "--to",
    harness.path("constellation-endorsements.json"),
  );
  assert.equal(fetched.code, 0, fetched.err);
  harness.endorsements = silent;
  assert.equal(outcomeOf(await verified(harness), "sevSnp.report.signature"), "pass");
});

test("verify says which file is no bundle", async (t) => {
  const harness = await snpCluster(t);
  await harness.write("constellation-endorsements.json", "{}");
  const { code, err } = await harness.run("verify");
  assert.notEqual(code, 0);
  assert.match(err, /constellation-endorsements\.json/);
});
