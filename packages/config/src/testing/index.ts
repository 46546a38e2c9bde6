import { parse, stringify } from "yaml";
import { ATTESTATION_VARIANTS, type AttestationVariant } from "../attestation/variants.ts";
import { parseConfig } from "../config.ts";
import type { Config } from "../config-schema.ts";
import { MEASUREMENTS } from "../fixtures.ts";
import { generateQemuConfig } from "../generate-config.ts";

/** What stands for a section's placeholders. */
const FILLED: Readonly<Record<string, unknown>> = {
  bootloaderVersion: 0,
  teeVersion: 0,
  snpVersion: 0,
  microcodeVersion: 0,
};

/** YAML of a configuration for a variant, as it is generated, with these fields of its section instead. */
export function configTextFor(name: AttestationVariant, section: Readonly<Record<string, unknown>> = {}): string {
  const text = generateQemuConfig({ image: "constellation.raw", measurements: MEASUREMENTS, attestation: name });
  const document = parse(text) as { attestation: Record<string, Record<string, unknown>> };
  const key = ATTESTATION_VARIANTS[name].section;
  const generated = document.attestation[key] as Record<string, unknown>;
  const filled = Object.keys(FILLED).filter((field) => field in generated);
  const values = Object.fromEntries(filled.map((field) => [field, FILLED[field]]));
  return stringify({ ...document, attestation: { [key]: { ...generated, ...values, ...section } } });
}

/** A configuration for a variant; see {@link configTextFor}. */
export function configFor(name: AttestationVariant, section: Readonly<Record<string, unknown>> = {}): Config {
  return parseConfig(configTextFor(name, section));
}
