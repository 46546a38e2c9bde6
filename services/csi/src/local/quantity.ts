import { LocalVolumeError } from "./errors.ts";

const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["", "k", "M", "G", "T", "P", "E"];
const QUANTITY = /^\+?(\d+)(?:\.(\d*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE])|[eE]([+-]?\d{1,2}))?$/;

/** Volumes are whole MiB. */
export const SIZE_UNIT_BYTES = 1024 * 1024;

/**
 * Parses a Kubernetes quantity of bytes; a part of a byte counts as a whole one (apimachinery's `Quantity`).
 * @throws LocalVolumeError `argument_invalid`
 */
export function parseQuantity(text: string): number {
  const match = QUANTITY.exec(text);
  if (match === null || text.length > 40) throw invalid(text, "a quantity of bytes");
  const [, whole = "", fraction = "", suffix = "", exponent = "0"] = match;
  const digits = BigInt(whole + fraction);
  const [numerator, denominator] = scale(suffix, Number(exponent));
  const divisor = denominator * 10n ** BigInt(fraction.length);
  const bytes = (digits * numerator + divisor - 1n) / divisor;
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(text, `at most "${Number.MAX_SAFE_INTEGER}"`);
  return Number(bytes);
}

/** Writes bytes as Kubernetes does: in the largest unit that loses nothing. */
export function formatQuantity(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value > 0 && value % 1024 === 0 && unit < BINARY.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value}${BINARY[unit]}`;
}

/** Up to the next whole unit. */
export function roundUp(bytes: number): number {
  return Math.ceil(bytes / SIZE_UNIT_BYTES) * SIZE_UNIT_BYTES;
}

function scale(suffix: string, exponent: number): [bigint, bigint] {
  const binary = BINARY.indexOf(suffix);
  if (binary > 0) return [1024n ** BigInt(binary), 1n];
  const small = ["n", "u", "m"].indexOf(suffix);
  if (small >= 0) return [1n, 1000n ** BigInt(3 - small)];
  const decimal = Math.max(DECIMAL.indexOf(suffix), 0);
  const power = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0 ? [1n, power] : [1000n ** BigInt(decimal) * power, 1n];
}

function invalid(text: string, wanted: string): LocalVolumeError {
  const got = JSON.stringify(text.slice(0, 40));
  return new LocalVolumeError("argument_invalid", `Parse quantity failed: got ${got}, wanted ${wanted}`);
}
