import { base64, utf8 } from "@constellation/bytes";
import { AttestationError, parseEvidence, parsePolicy } from "@constellation/attestation";
import type { Target } from "../target.ts";
import type { Vectors } from "../vectors.ts";

const decoder = new TextDecoder();
const REGISTERS = Array.from({ length: 16 }, (_, index) => `${index}`);
const DIGEST = "ab".repeat(32);

/** Parsers of the package `attestation`. */
export const TARGETS: readonly Target[] = [
  { name: "attestation.evidence", parse: parseEvidence, error: AttestationError, seeds: () => [evidenceSeed()] },
  {
    name: "attestation.policy",
    parse: (bytes) => parsePolicy(decoder.decode(bytes)),
    error: AttestationError,
    seeds: (vectors) => [policySeed(vectors)],
  },
];

function evidenceSeed(): Uint8Array {
  const some = base64(Uint8Array.of(1, 2, 3, 4));
  return json({
    variant: "qemu-vtpm",
    akCertificate: some,
    akPublic: some,
    quote: some,
    signature: some,
    pcrs: Object.fromEntries(REGISTERS.map((index) => [index, DIGEST])),
    eventLog: some,
  });
}

function policySeed(vectors: Vectors): Uint8Array {
  const [root] = vectors.roots();
  const equal = { kind: "equal", anyOf: [DIGEST] };
  return json({
    variant: "qemu-vtpm",
    endorsementRoots: [decoder.decode(root)],
    pcrs: { ...Object.fromEntries(REGISTERS.map((index) => [index, equal])), "1": { kind: "any", reason: "varies" } },
    endorsements: { kind: "anyOf", ekDigests: [DIGEST] },
  });
}

function json(value: object): Uint8Array {
  return utf8(JSON.stringify(value));
}
