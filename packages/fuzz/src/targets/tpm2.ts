import { concat } from "@constellation/bytes";
import {
  parsePcrSelections,
  parsePublic,
  parseQuoteAttest,
  parseSignature,
  selectPcrs,
  serializePcrSelections,
  TPM_ALG,
  TpmError,
} from "@constellation/tpm2";
import type { Target } from "../target.ts";
import type { Vectors } from "../vectors.ts";

const BANKS = ["sha1", "sha256", "sha384"];
const roles = (suffix: string): string[] => BANKS.map((bank) => `quote_${bank}_${suffix}`);

/** Parsers of the package `tpm2`. */
export const TARGETS: readonly Target[] = [
  {
    name: "tpm2.public",
    parse: parsePublic,
    error: TpmError,
    seeds: (vectors) => vectors.byRole(["ak_public"]).filter((bytes) => bytes[0] !== 0x30),
  },
  { name: "tpm2.signature", parse: parseSignature, error: TpmError, seeds: signatureSeeds },
  {
    name: "tpm2.quote-attest",
    parse: parseQuoteAttest,
    error: TpmError,
    seeds: (vectors) => vectors.byRole(["tpm_quote_msg", ...roles("msg")]),
  },
  { name: "tpm2.pcr-selections", parse: parsePcrSelections, error: TpmError, seeds: selectionSeeds },
];

function signatureSeeds(vectors: Vectors): Uint8Array[] {
  const coordinate = concat(Uint8Array.of(0, 32), new Uint8Array(32).fill(7));
  const ecdsa = concat(Uint8Array.of(0, TPM_ALG.ECDSA, 0, TPM_ALG.SHA256), coordinate, coordinate);
  return [ecdsa, ...vectors.byRole(roles("sig"))];
}

function selectionSeeds(): Uint8Array[] {
  const selections = [selectPcrs([0, 7, 23]), selectPcrs([], TPM_ALG.SHA384)];
  return [serializePcrSelections([]), serializePcrSelections(selections)];
}
