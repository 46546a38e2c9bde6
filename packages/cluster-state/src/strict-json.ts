import { ClusterStateError } from "./errors.ts";

const MAX_SHOWN_CHARS = 80;

/** A value as it is shown in a message: quoted and bounded. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}...` : text;
}

/**
 * Parses JSON text.
 * @throws ClusterStateError `malformed_json`
 */
export function parseJson(text: string, field: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ClusterStateError("malformed_json", field, `${text.length} characters of other text`, "JSON", { cause });
  }
}

/**
 * An object with exactly these keys.
 * @throws ClusterStateError `wrong_shape`
 */
export function strictObject<K extends string>(value: unknown, field: string, keys: readonly K[]): Record<K, unknown> {
  const got = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : undefined;
  if (got === undefined || got.length !== keys.length || !keys.every((key) => got.includes(key))) {
    const wanted = `an object with exactly the keys ${keys.join(", ")}`;
    throw new ClusterStateError("wrong_shape", field, shown(got ?? value), wanted);
  }
  return value as Record<K, unknown>;
}

/**
 * A list of at most `max` items.
 * @throws ClusterStateError `wrong_shape`
 */
export function strictList(value: unknown, field: string, max: number): unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  throw new ClusterStateError("wrong_shape", field, shown(value), `a list of at most ${max}`);
}

/**
 * A string that `isValid` accepts.
 * @throws ClusterStateError `wrong_value`
 */
export function strictString(
  value: unknown,
  field: string,
  wanted: string,
  isValid: (text: string) => boolean,
): string {
  if (typeof value === "string" && isValid(value)) return value;
  throw new ClusterStateError("wrong_value", field, shown(value), wanted);
}

/**
 * One of the given strings.
 * @throws ClusterStateError `wrong_value`
 */
export function strictChoice<T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw new ClusterStateError("wrong_value", field, shown(value), `one of ${choices.map(shown).join(", ")}`);
}
