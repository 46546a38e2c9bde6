import { parseCertificate, parseCrl, pemToDer, X509Error } from "@constellation/x509";
import type { Target } from "../target.ts";
import { derSeeds, pemSeeds } from "./der-seeds.ts";

const decoder = new TextDecoder();

/** Parsers of the package `x509`. */
export const TARGETS: readonly Target[] = [
  { name: "x509.certificate", parse: parseCertificate, error: X509Error, seeds: derSeeds },
  {
    name: "x509.crl",
    parse: parseCrl,
    error: X509Error,
    seeds: (vectors) => vectors.byRole(["root_ca_crl", "pck_crl", "crl"]),
  },
  { name: "x509.pem", parse: (bytes) => pemToDer(decoder.decode(bytes)), error: X509Error, seeds: pemSeeds },
];
