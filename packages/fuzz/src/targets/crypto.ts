import { CryptoError, importSpki } from "@constellation/crypto";
import { parseCertificate } from "@constellation/x509";
import type { Target } from "../target.ts";
import { derSeeds } from "./der-seeds.ts";

/** Parsers of the package `crypto`. */
export const TARGETS: readonly Target[] = [
  {
    name: "crypto.spki",
    parse: importSpki,
    error: CryptoError,
    seeds: (vectors) => derSeeds(vectors).map((der) => parseCertificate(der).spki),
  },
];
