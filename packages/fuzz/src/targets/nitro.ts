import { NitroError, parseDocument } from "@constellation/nitro";
import type { Target } from "../target.ts";

/** Parsers of the package `nitro`. */
export const TARGETS: readonly Target[] = [
  { name: "nitro.document", parse: parseDocument, error: NitroError, seeds: (vectors) => vectors.byRole(["document"]) },
];
