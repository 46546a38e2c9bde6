import { HclError, parseHclReport, parseRuntimeClaims } from "@constellation/hcl";
import type { Target } from "../target.ts";

/** Parsers of the package `hcl`. */
export const TARGETS: readonly Target[] = [
  { name: "hcl.report", parse: parseHclReport, error: HclError, seeds: (vectors) => vectors.byRole(["hcl_report"]) },
  {
    name: "hcl.runtime-claims",
    parse: parseRuntimeClaims,
    error: HclError,
    seeds: (vectors) => vectors.byRole(["hcl_report"]).map((report) => parseHclReport(report).variableData),
  },
];
