import { RELEASE_VERSION } from "@constellation/config";
import { type Ear, earOf, type JudgedAttester } from "@constellation/verdict";

/** What a verdict says as an EAT attestation result of this program, unsigned. */
export function earOfVerdict(label: string, attester: JudgedAttester, issuedAt: Date): Ear {
  const verifier = { developer: "Constellation", build: `constellation ${RELEASE_VERSION}` };
  return earOf(verifier, issuedAt, { [label]: attester });
}
