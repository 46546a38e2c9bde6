import { CoseError, parseCbor, parseSign1 } from "@constellation/cose";
import type { Target } from "../target.ts";

/** Parsers of the package `cose`. */
export const TARGETS: readonly Target[] = [
  {
    name: "cose.cbor",
    parse: (bytes) => parseCbor(bytes),
    error: CoseError,
    seeds: (vectors) => vectors.byRole(["document"]).map((document) => parseSign1(document).payload),
  },
  { name: "cose.sign1", parse: parseSign1, error: CoseError, seeds: (vectors) => vectors.byRole(["document"]) },
];
