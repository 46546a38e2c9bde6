import { generateKeyPairSync, sign, verify } from "node:crypto";
import { appraise, type QemuVtpmPolicy } from "@constellation/attestation";
import { createFakeTpmCa, FAKE_NOW } from "@constellation/testkit/fake-tpm";
import type { Row } from "./row.ts";

const ROUNDS = 600;
/** Signatures that an appraisal checks: certificate chain (two) and quote. */
const SIGNATURES = 3;
const PCRS = Array.from({ length: 16 }, (_, index) => String(index));

/** Appraisals of qemu-vtpm evidence per second, against the bare signature checks, taken in turns. */
export async function benchAppraisal(): Promise<Row[]> {
  const ca = await createFakeTpmCa();
  const tpm = await ca.createTpm();
  const reportData = new Uint8Array(64).fill(7);
  const evidence = tpm.evidence({ reportData });
  const policy: QemuVtpmPolicy = {
    variant: "qemu-vtpm",
    endorsementRoots: [ca.certificatePem],
    endorsements: { kind: "anyOf", ekDigests: [tpm.ekDigest] },
    pcrs: Object.fromEntries(
      PCRS.map((pcr) => [pcr, { kind: "any", reason: "benchmark" }]),
    ) as unknown as QemuVtpmPolicy["pcrs"],
  };
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = sign("sha256", evidence, key.privateKey);
  let appraisalMs = 0;
  let floorMs = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    appraisalMs += timed(() => {
      if (!appraise(evidence, policy, { reportData, now: FAKE_NOW }).accepted) throw new Error("evidence was refused");
    });
    floorMs += timed(() => {
      for (let check = 0; check < SIGNATURES; check += 1) verify("sha256", evidence, key.publicKey, signature);
    });
  }
  const perSecond = (totalMs: number): string => ((ROUNDS * 1000) / totalMs).toFixed(0);
  return [
    { what: "appraisals of qemu-vtpm evidence, per second", figure: perSecond(appraisalMs) },
    { what: `${SIGNATURES} bare ECDSA P-256 checks, per second`, figure: perSecond(floorMs) },
    { what: "ratio of the times", figure: (appraisalMs / floorMs).toFixed(2) },
  ];
}

function timed(work: () => void): number {
  const started = performance.now();
  work();
  return performance.now() - started;
}
