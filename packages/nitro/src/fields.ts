import type { CborMap, CborValue } from "@constellation/cose";
import { NitroError } from "./error.ts";

/** Bounds of a size in bytes, both included. */
export interface SizeBytes {
  readonly min: number;
  readonly max: number;
}

/** Reads the fields of a map by their names. All errors are `NitroError` "document_value" or "document_fields". */
export class Fields {
  readonly #map: CborMap;

  constructor(value: CborValue) {
    if (!(value instanceof Map)) throw wrong("document", "another type", "a map");
    this.#map = value as CborMap;
  }

  /** Refuses fields beside these. */
  only(names: readonly string[]): void {
    for (const key of this.#map.keys()) {
      if (typeof key === "string" && names.includes(key)) continue;
      const shown = typeof key === "string" ? JSON.stringify(key) : `"${key}"`;
      throw new NitroError(
        "document_fields",
        `Parse attestation document failed: got field ${shown}, wanted no others`,
      );
    }
  }

  has(name: string): boolean {
    return this.#map.has(name);
  }

  required(name: string): CborValue {
    const value = this.#map.get(name);
    if (value === undefined) {
      throw new NitroError("document_fields", `Parse attestation document failed: got no field "${name}", wanted it`);
    }
    return value;
  }

  text(name: string): string {
    const value = this.required(name);
    if (typeof value !== "string") throw wrong(name, "another type", "text");
    return value;
  }

  integer(name: string): bigint {
    const value = this.required(name);
    if (typeof value !== "bigint") throw wrong(name, "another type", "an integer");
    return value;
  }

  bytes(name: string, size: SizeBytes): Uint8Array {
    return sizedBytes(name, this.required(name), size);
  }

  /**
   * A field that may be left out. The text of the specification forbids null, but what writes the documents puts null
   * for each field that it was not given.
   */
  optionalBytes(name: string, size: SizeBytes): Uint8Array | undefined {
    const value = this.#map.get(name) ?? null;
    return value === null ? undefined : sizedBytes(name, value, size);
  }
}

/** A byte string of a size within the bounds. */
export function sizedBytes(name: string, value: CborValue, { min, max }: SizeBytes): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrong(name, "another type", "a byte string");
  if (value.length < min || value.length > max) {
    throw wrong(name, `"${value.length}" bytes`, min === max ? `"${min}"` : `"${min}" to "${max}"`);
  }
  return value;
}

/** A field that is not as the specification has it. */
export function wrong(name: string, got: string, wanted: string): NitroError {
  return new NitroError("document_value", `Parse attestation document failed: got ${name} of ${got}, wanted ${wanted}`);
}
