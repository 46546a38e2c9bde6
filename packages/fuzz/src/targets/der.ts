import { DerError, parseDer } from "@constellation/der";
import type { Target } from "../target.ts";
import { derSeeds } from "./der-seeds.ts";

/** Parsers of the package `der`. */
export const TARGETS: readonly Target[] = [
  { name: "der.element", parse: (bytes) => parseDer(bytes), error: DerError, seeds: derSeeds },
];
