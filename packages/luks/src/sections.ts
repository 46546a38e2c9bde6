import { exact, exactKeys, type Json, object, requireBase64 } from "./json-fields.ts";

const SALT_BYTES = 32;
const STRIPES = 4000;
const ALIGNMENT = 4096;

/** Where the first key slot's area begins: behind both header copies. */
export const FIRST_AREA_OFFSET = 32768;

/** Bytes of the volume key: 64 for AES-256-XTS, and 32 for HMAC-SHA-256 where there is integrity. */
function volumeKeyBytes(integrity: boolean): number {
  return integrity ? 96 : 64;
}

/** Size of a key slot's area: the key in 4000 stripes, in whole 4 KiB. */
export function areaBytes(integrity: boolean): number {
  return Math.ceil((volumeKeyBytes(integrity) * STRIPES) / ALIGNMENT) * ALIGNMENT;
}

/** Compares a key slot with the accepted one. Only the salt is free. @throws LuksError */
export function validateKeyslot(
  field: string,
  slot: Json,
  { areaOffset, integrity }: { areaOffset: number; integrity: boolean },
): void {
  exactKeys("keyslot", field, slot, ["type", "key_size", "af", "area", "kdf"]);
  exact("keyslot", `${field}.type`, slot["type"], "luks2");
  exact("keyslot", `${field}.key_size`, slot["key_size"], volumeKeyBytes(integrity));
  exact("af", `${field}.af`, slot["af"], { type: "luks1", stripes: STRIPES, hash: "sha256" });
  exact("area", `${field}.area`, slot["area"], {
    type: "raw",
    offset: String(areaOffset),
    size: String(areaBytes(integrity)),
    encryption: "aes-xts-plain64",
    key_size: 64,
  });
  const { salt, ...kdf } = object("kdf", `${field}.kdf`, slot["kdf"]);
  exact("kdf", `${field}.kdf`, kdf, { type: "pbkdf2", hash: "sha256", iterations: 1000 });
  requireBase64("kdf", `${field}.kdf.salt`, salt, SALT_BYTES);
}

/** Compares the one segment with the accepted one. @throws LuksError */
export function validateSegment(segment: Json, { integrity }: { integrity: boolean }): void {
  const field = "segments.0";
  const plain = ["type", "offset", "size", "iv_tweak", "encryption", "sector_size"];
  exactKeys("segments", field, segment, integrity ? [...plain, "integrity"] : plain);
  exact("segments", `${field}.type`, segment["type"], "crypt");
  exact("offset", `${field}.offset`, segment["offset"], "16777216");
  exact("offset", `${field}.size`, segment["size"], "dynamic");
  exact("cipher", `${field}.iv_tweak`, segment["iv_tweak"], "0");
  exact("cipher", `${field}.encryption`, segment["encryption"], "aes-xts-plain64");
  exact("sector_size", `${field}.sector_size`, segment["sector_size"], 4096);
  if (!integrity) return;
  exact("integrity", `${field}.integrity`, segment["integrity"], {
    type: "hmac(sha256)",
    journal_encryption: "none",
    journal_integrity: "none",
  });
}

/** Compares the one digest with the accepted one; salt and digest are free. @throws LuksError */
export function validateDigest(entry: Json, keyslot: string): void {
  const { salt, digest, ...fixed } = entry;
  exact("digest", "digests.0", fixed, {
    type: "pbkdf2",
    keyslots: [keyslot],
    segments: ["0"],
    hash: "sha256",
    iterations: 1000,
  });
  requireBase64("digest", "digests.0.salt", salt, SALT_BYTES);
  requireBase64("digest", "digests.0.digest", digest, 32);
}
