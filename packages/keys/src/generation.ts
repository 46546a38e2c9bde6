import { KeysError } from "./errors.ts";
import { KEY_LENGTH_BYTES, type MasterSecret } from "./roles.ts";

/**
 * Greatest number of a generation. A master secret is changed a few times a year at most; the bound keeps keyrings, and
 * what is read of them from outside, small.
 */
export const MAX_GENERATION = 255;

/** One root of the key hierarchy: a master secret with the salt that belongs to it. */
export interface KeyGeneration {
  /** 1, 2, ... */
  readonly generation: number;
  readonly master: MasterSecret;
  readonly salt: Uint8Array;
}

/** Whether a number can be that of a generation. */
export function isGeneration(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_GENERATION;
}

/**
 * Checks the number of a generation.
 * @throws KeysError `generation_number`
 */
export function requireGeneration(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_GENERATION) return value;
  throw new KeysError(
    "generation_number",
    `Check generation failed: got "${value}", wanted "1" to "${MAX_GENERATION}"`,
  );
}

/**
 * Checks the salt of a generation.
 * @throws KeysError `salt_length`
 */
export function requireSalt(generation: number, salt: Uint8Array): Uint8Array {
  if (salt.length === KEY_LENGTH_BYTES) return salt;
  const got = `got a salt of "${salt.length}" bytes for generation "${generation}"`;
  throw new KeysError("salt_length", `Make keyring failed: ${got}, wanted "${KEY_LENGTH_BYTES}"`);
}
