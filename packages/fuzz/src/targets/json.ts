import { JsonError, parseStrictJson } from "@constellation/json";
import type { Target } from "../target.ts";

/** Parsers of the package `json`. */
export const TARGETS: readonly Target[] = [
  {
    name: "json.strict",
    parse: parseStrictJson,
    error: JsonError,
    seeds: (vectors) => [...vectors.cases(), ...vectors.byRole(["pcrs"])],
  },
];
