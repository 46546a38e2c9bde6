/** Which rule of the one accepted LUKS2 header is broken. */
export type LuksErrorCode =
  | "size"
  | "magic"
  | "version"
  | "header_size"
  | "header_offset"
  | "label"
  | "checksum_algorithm"
  | "checksum"
  | "uuid"
  | "padding"
  | "json"
  | "copies_differ"
  | "fields"
  | "keyslots"
  | "keyslot"
  | "area"
  | "kdf"
  | "af"
  | "segments"
  | "cipher"
  | "sector_size"
  | "integrity"
  | "offset"
  | "digests"
  | "digest"
  | "tokens"
  | "token"
  | "config";

/** A state disk's header that is not the one accepted (T7): names the field, what was found and what was wanted. */
export class LuksError extends Error {
  readonly code: LuksErrorCode;
  readonly field: string;

  constructor(code: LuksErrorCode, field: string, got: unknown, wanted: unknown, options?: ErrorOptions) {
    super(`Validate LUKS2 header failed: ${field} is "${shown(got)}", wanted "${shown(wanted)}"`, options);
    this.name = "LuksError";
    this.code = code;
    this.field = field;
  }
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
