import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  machineClaims,
  PCR_INDICES,
  type PcrPolicy,
  type QemuVtpmPolicy,
  serializeEvidence,
  serializePolicy,
} from "@constellation/attestation";
import { hex } from "@constellation/bytes";
import {
  createFakeMachine,
  FAKE_NOW as GCP_NOW,
  FakeGcp,
  type FakeMachine,
  type FakeVendors,
} from "@constellation/fake-authorities";
import type { ClusterState } from "@constellation/cluster-state";
import { createFakeTpmCa, FAKE_NOW, type FakeTpm, type FakeTpmCa, fakeEventLog } from "@constellation/testkit/fake-tpm";
import { admit, findRecord, policyOf } from "./admission.ts";
import { EvidenceError, JoinError } from "./errors.ts";

const ZERO = "00".repeat(32);
const reportData = new Uint8Array(64).fill(7);
let ca: FakeTpmCa;
let tpm: FakeTpm;
let state: ClusterState;

before(async () => {
  ca = await createFakeTpmCa();
  tpm = await ca.createTpm();
  state = {
    policyJson: policyJson(ca.certificatePem),
    nodes: [
      { name: "worker-0", role: "worker", ekDigest: tpm.ekDigest, diskUuid: "aaaaaaaa-0000-8000-8000-000000000000" },
    ],
    settings: { clusterId: "c".repeat(64), serviceCidr: "10.96.0.0/12", timingProfile: "default", registryMirrors: [] },
  };
});

/** Every PCR as a fake boot leaves it; PCR 15 zero. The endorsements stated here must not matter. */
function policyJson(root: string): string {
  const { pcrs: booted } = fakeEventLog();
  const pcrs = Object.fromEntries(
    PCR_INDICES.map((index): [string, PcrPolicy] => {
      const value = booted.get(Number(index));
      return [index, { kind: "equal", anyOf: [value === undefined ? ZERO : Buffer.from(value).toString("hex")] }];
    }),
  ) as QemuVtpmPolicy["pcrs"];
  const endorsements = { kind: "anyOfRoots", reason: "test" } as const;
  return serializePolicy({ variant: "qemu-vtpm", endorsementRoots: [root], pcrs, endorsements });
}

const coded = (code: string) => (error: unknown) =>
  (error instanceof JoinError || error instanceof EvidenceError) && error.code === code;

test("admit() gives the record of the TPM that made the evidence", () => {
  assert.equal(admit({ evidence: tpm.evidence({ reportData }), reportData }, state, FAKE_NOW).name, "worker-0");
});

test("admit() refuses a TPM of the right maker that is not on record, whatever the stored endorsements say", async () => {
  const evidence = (await ca.createTpm()).evidence({ reportData });
  assert.throws(() => admit({ evidence, reportData }, state, FAKE_NOW), coded("endorsement_not_allowed"));
});

test("admit() refuses everybody when nobody is on record", () => {
  const evidence = tpm.evidence({ reportData });
  assert.throws(
    () => admit({ evidence, reportData }, { ...state, nodes: [] }, FAKE_NOW),
    coded("endorsement_not_allowed"),
  );
});

test("admit() refuses a TPM of another maker that claims a recorded identity", async () => {
  const foreign = await createFakeTpmCa();
  const claimed = await foreign.createTpm({ uris: () => [`urn:constellation:ek-sha256:${tpm.ekDigest}`] });
  assert.throws(
    () => admit({ evidence: claimed.evidence({ reportData }), reportData }, state, FAKE_NOW),
    (error: unknown) => error instanceof EvidenceError && error.code.startsWith("ak_certificate_"),
  );
});

test("admit() refuses evidence for another connection", () => {
  const evidence = tpm.evidence({ reportData: new Uint8Array(64).fill(8) });
  assert.throws(() => admit({ evidence, reportData }, state, FAKE_NOW), coded("quote_qualifying_data"));
});

test("admit() refuses another boot chain", () => {
  const eventLog = fakeEventLog([{ pcr: 4, data: "another kernel" }]);
  const evidence = tpm.evidence({ reportData, eventLog });
  assert.throws(() => admit({ evidence, reportData }, state, FAKE_NOW), coded("pcr_mismatch"));
});

test("admit() refuses a node that already belongs to a cluster (PCR 15)", () => {
  const pcrs = new Map([[15, new Uint8Array(32).fill(1)]]);
  const evidence = tpm.evidence({ reportData, pcrs });
  assert.throws(() => admit({ evidence, reportData }, state, FAKE_NOW), coded("pcr_mismatch"));
});

test("admit() refuses everybody under a policy that does not parse", () => {
  const evidence = tpm.evidence({ reportData });
  for (const policy of ["{}", "", "[]", state.policyJson.replace('"15":', '"16":')]) {
    assert.throws(
      () => admit({ evidence, reportData }, { ...state, policyJson: policy }, FAKE_NOW),
      coded("cluster_state_invalid"),
    );
  }
});

test("policyOf() puts the recorded identities in the place of the stored endorsements", () => {
  const policy = policyOf(state);
  assert.ok(policy.variant === "qemu-vtpm");
  assert.deepEqual(policy.endorsements, { kind: "anyOf", ekDigests: [tpm.ekDigest] });
});

test("admit() refuses evidence of another variant than the policy's, and other machines of the same variant", async () => {
  const gcp = new FakeGcp();
  const machine = async () => await createFakeMachine("gcp-sev-es", { gcp } as FakeVendors);
  const [recorded, foreign] = [await machine(), await machine()];
  const bytes = (of: FakeMachine) => serializeEvidence(of.evidence(reportData));
  const digest = machineClaims(recorded.evidence(reportData)).machine as Uint8Array;
  const record = { ...(state.nodes[0] as ClusterState["nodes"][number]), ekDigest: hex(digest) };
  // The stored machines must not matter.
  const policy = { ...recorded.policy, machines: { kind: "any", reason: "test" } } as const;
  const cluster = { ...state, policyJson: serializePolicy(policy), nodes: [record] };
  assert.equal(admit({ evidence: bytes(recorded), reportData }, cluster, GCP_NOW).name, "worker-0");
  const refused = (evidence: Uint8Array, code: string, of: ClusterState): void =>
    assert.throws(() => admit({ evidence, reportData }, of, GCP_NOW), coded(code));
  refused(tpm.evidence({ reportData }), "variant_mismatch", cluster);
  refused(bytes(recorded), "machine_not_allowed", { ...cluster, nodes: state.nodes });
  refused(bytes(foreign), "pcr_mismatch", cluster);
  assert.throws(() => admit({ evidence: bytes(recorded), reportData }, state, FAKE_NOW), coded("variant_mismatch"));
});

test("findRecord() refuses an identity that nobody has, and none at all", () => {
  assert.throws(() => findRecord(state.nodes, "b".repeat(64)), coded("unknown_identity"));
  assert.throws(() => findRecord(state.nodes, undefined), coded("unknown_identity"));
});
