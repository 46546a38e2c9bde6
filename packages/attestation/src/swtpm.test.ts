import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { findSwtpm, Swtpm } from "@constellation/testkit";
import { createFakeTpmCa, FAKE_EVENTS, FAKE_NOW, fakeEventLog } from "@constellation/testkit/fake-tpm";
import { AK_TEMPLATE, EK_TEMPLATE, serializePublic, TPM_RH, Tpm, tpmPublicToSpki } from "@constellation/tpm2";
import { publicKeyOf } from "@constellation/tpm2/node";
import { appraise, clusterIdPcr, formatVerdict, PCR_INDICES, type QemuVtpmPolicy, serializeEvidence } from "./index.ts";

const reportData = new Uint8Array(64).fill(7);
const clusterId = new Uint8Array(32).fill(9);
const sha256 = (bytes: Uint8Array | string) => new Uint8Array(createHash("sha256").update(bytes).digest());

/** Boots a TPM as far as its PCRs go: the firmware's events, then the agent's. */
async function extendAll(tpm: Tpm): Promise<void> {
  for (const { pcr, data } of FAKE_EVENTS) await tpm.pcrExtend(pcr, sha256(data));
  await tpm.pcrExtend(15, sha256(clusterId));
}

/** Evidence as a node makes it. */
async function collectEvidence(tpm: Tpm, akCertificate: Uint8Array): Promise<Uint8Array> {
  const ak = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
  const { quoted, signature } = await tpm.quote(ak.handle, sha256(reportData), PCR_INDICES.map(Number));
  await tpm.flushContext(ak.handle);
  return serializeEvidence({
    variant: "qemu-vtpm",
    akCertificate,
    akPublic: serializePublic(ak.public),
    quote: quoted,
    signature,
    pcrs: await tpm.pcrRead(PCR_INDICES.map(Number)),
    eventLog: fakeEventLog().bytes,
  });
}

/** The policy for what `extendAll` does. */
function policyFor(root: string, ekDigest: string): QemuVtpmPolicy {
  const { pcrs } = fakeEventLog();
  const rules = PCR_INDICES.map((index) => {
    const value = index === "15" ? clusterIdPcr(clusterId) : hex(pcrs.get(Number(index)) ?? new Uint8Array(32));
    return [index, { kind: "equal", anyOf: [value] }];
  });
  return {
    variant: "qemu-vtpm",
    endorsementRoots: [root],
    pcrs: Object.fromEntries(rules) as QemuVtpmPolicy["pcrs"],
    endorsements: { kind: "anyOf", ekDigests: [ekDigest] },
  };
}

test("appraise() accepts evidence of a real TPM, and refuses it from another", {
  skip: findSwtpm() === undefined,
}, async (t) => {
  const swtpm = await Swtpm.start();
  t.after(() => swtpm.stop());
  const tpm = new Tpm(swtpm.transport);
  await tpm.startup();
  await extendAll(tpm);
  const ek = await tpm.createPrimary(TPM_RH.ENDORSEMENT, EK_TEMPLATE);
  await tpm.flushContext(ek.handle);
  const ak = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
  await tpm.flushContext(ak.handle);
  const ca = await createFakeTpmCa();
  const ekDigest = hex(sha256(tpmPublicToSpki(ek.public)));
  const akCertificate = await ca.certifyKey(publicKeyOf(ak.public), ekDigest);
  const policy = policyFor(ca.certificatePem, ekDigest);

  const verdict = appraise(await collectEvidence(tpm, akCertificate), policy, { reportData, now: FAKE_NOW });
  assert.equal(verdict.accepted, true, formatVerdict(verdict));

  const ownerKey = await tpm.createPrimary(TPM_RH.OWNER, AK_TEMPLATE);
  const foreign = await tpm.quote(ownerKey.handle, sha256(reportData), PCR_INDICES.map(Number));
  const ownerVerdict = appraise(
    serializeEvidence({
      variant: "qemu-vtpm",
      akCertificate: await ca.certifyKey(publicKeyOf(ownerKey.public), ekDigest),
      akPublic: serializePublic(ownerKey.public),
      quote: foreign.quoted,
      signature: foreign.signature,
      pcrs: await tpm.pcrRead(PCR_INDICES.map(Number)),
      eventLog: fakeEventLog().bytes,
    }),
    policy,
    { reportData, now: FAKE_NOW },
  );
  assert.deepEqual(
    ownerVerdict.checks.filter(({ outcome }) => outcome === "fail").map(({ name }) => name),
    ["quote.signer"],
  );
});
