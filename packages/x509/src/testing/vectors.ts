import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder with real evidence, beside the checkout where the environment says nothing else. */
export const VECTORS =
  process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../../shared/vectors");

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** All PEM certificate blocks of a file, in order; bytes around them are passed over. */
export function pemBlocks(path: string): string[] {
  return readFileSync(path, "latin1").match(BLOCK) ?? [];
}
