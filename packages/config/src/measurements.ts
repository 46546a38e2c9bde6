import { ConfigError } from "./errors.ts";
import type { Finding } from "./finding.ts";
import { showValue } from "./finding.ts";
import { isHex } from "./formats.ts";

/** Number of platform configuration registers (0 to 15) that every policy states. */
export const PCR_COUNT = 16;

/** Register that carries the cluster ID once a node belongs to a cluster; zero before. */
export const CLUSTER_PCR = 15;

/** A register's value after reset: 32 zero bytes as hexadecimal. */
export const ZERO_PCR = "0".repeat(64);

/** Registers that a configuration must state: they cover the node image and everything that can be added to it. */
export const REQUIRED_PCRS = [4, 11, 12, 13] as const;

/** Expected values of registers by index, 64 lower-case hexadecimal digits each. */
export type ImageMeasurements = Readonly<Record<number, string>>;

/**
 * Parses `measurements.json` of a node image: `{"measurements": {"pcrs": {"4": "<hex>", ...}}}`. Other fields of the
 * file describe the image and are left to their readers.
 *
 * @param name the file's name, for messages
 * @throws ConfigError `syntax` or `invalid-fields`
 */
export function parseImageMeasurements(json: string, name: string): ImageMeasurements {
  const pcrs = child(child(parseJson(json, name), "measurements"), "pcrs");
  if (typeof pcrs !== "object" || pcrs === null) {
    throw invalid(name, [
      { path: "measurements.pcrs", got: showValue(pcrs), wanted: "a mapping from PCR index to its expected value" },
    ]);
  }
  const findings = Object.entries(pcrs).flatMap(([index, value]) => measurementFindings(index, value));
  for (const index of REQUIRED_PCRS) {
    if (!Object.hasOwn(pcrs, String(index))) {
      findings.push({ path: `measurements.pcrs.${index}`, got: "nothing", wanted: "64 hexadecimal digits" });
    }
  }
  if (findings.length > 0) throw invalid(name, findings);
  return Object.fromEntries(Object.entries(pcrs).map(([index, value]) => [index, String(value).toLowerCase()]));
}

function measurementFindings(index: string, value: unknown): Finding[] {
  const path = `measurements.pcrs.${index}`;
  if (!isPcrIndex(index)) return [{ path, got: `the key ${showValue(index)}`, wanted: "a PCR index from 0 to 15" }];
  const good = typeof value === "string" && isHex(value, 32);
  return good ? [] : [{ path, got: showValue(value), wanted: "64 hexadecimal digits" }];
}

/** Whether a key names a register: 0 to 15 in plain decimal. */
export function isPcrIndex(key: string): boolean {
  return /^(0|[1-9]\d?)$/.test(key) && Number(key) < PCR_COUNT;
}

function parseJson(json: string, name: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (cause) {
    throw new ConfigError("syntax", `Read ${name} failed: it is not JSON`, {
      cause,
      hint: "the file may be cut off; build the node image again with `make image`",
    });
  }
}

function invalid(name: string, findings: readonly Finding[]): ConfigError {
  return new ConfigError("invalid-fields", `Read ${name} failed: ${findings.length} of its fields are wrong`, {
    findings,
    hint: "build the node image again with `make image`",
  });
}

function child(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

// Usage of registers: TCG PC Client Platform Firmware Profile 1.06, section 3.3.4; Linux TPM PCR Registry.
const REASONS: Readonly<Record<number, string>> = {
  0: "firmware code, supplied by the machine",
  1: "firmware configuration, differs between machines",
  2: "option ROMs, supplied by the machine",
  3: "configuration of option ROMs, differs between machines",
  5: "partition table and boot configuration, differ between machines",
  6: "events of the machine's maker",
  7: "Secure Boot keys, which this variant does not use",
  8: "boot loader commands, of which this image has none",
  10: "Linux IMA, which this image does not use",
  14: "shim's keys, which this image does not use",
};

/** Why a register that the configuration does not state may have any value. */
export function reasonNotStated(index: number): string {
  return `not in the configuration's measurements: ${REASONS[index] ?? "no expected value is known"}`;
}
