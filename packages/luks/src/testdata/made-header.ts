import { createCipheriv, createHash, pbkdf2Sync, randomBytes } from "node:crypto";
import { HEADER_AREA_BYTES } from "../header.ts";
import { AREA_OFFSETS } from "../metadata.ts";
import { changeMetadata, recordedHeader } from "./recorded-header.ts";

const STRIPES = 4000;
const VOLUME_KEY_BYTES = 96;
const ITERATIONS = 1000;
const SECTOR_BYTES = 512;
const HASH_BYTES = 32;

/**
 * The header area of an initialised state disk with a key slot that really opens: the recorded header, with a volume key
 * of ours under a passphrase ("LUKS2 On-Disk Format Specification", section 4; the splitter is that of LUKS1).
 */
export function madeHeader(passphrase: Uint8Array): Uint8Array {
  const [volumeKey, kdfSalt, digestSalt] = [VOLUME_KEY_BYTES, 32, 32].map((size) => new Uint8Array(randomBytes(size)));
  if (volumeKey === undefined || kdfSalt === undefined || digestSalt === undefined) throw new Error("no bytes");
  const area = new Uint8Array(HEADER_AREA_BYTES);
  area.set(
    changeMetadata(recordedHeader(), (metadata) => {
      metadata.keyslots["0"].kdf.salt = Buffer.from(kdfSalt).toString("base64");
      metadata.digests["0"].salt = Buffer.from(digestSalt).toString("base64");
      const digest = pbkdf2Sync(volumeKey, digestSalt, ITERATIONS, 32, "sha256");
      metadata.digests["0"].digest = digest.toString("base64");
    }),
  );
  const areaKey = pbkdf2Sync(passphrase, kdfSalt, ITERATIONS, 64, "sha256");
  area.set(encrypt(areaKey, split(volumeKey)), AREA_OFFSETS[1]);
  return area;
}

/** The anti-forensic splitter: all stripes are needed to get the key back. */
function split(key: Uint8Array): Uint8Array {
  const stripes = new Uint8Array(randomBytes(key.length * STRIPES));
  let carried: Uint8Array = new Uint8Array(key.length);
  for (let index = 0; index < STRIPES - 1; index++) {
    const stripe = stripes.subarray(index * key.length, (index + 1) * key.length);
    carried = diffuse(carried.map((byte, at) => byte ^ (stripe[at] ?? 0)));
  }
  stripes.set(
    carried.map((byte, at) => byte ^ (key[at] ?? 0)),
    (STRIPES - 1) * key.length,
  );
  return stripes;
}

function diffuse(block: Uint8Array): Uint8Array {
  const out = new Uint8Array(block.length);
  for (let at = 0, index = 0; at < block.length; at += HASH_BYTES, index++) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    const hash = createHash("sha256")
      .update(number)
      .update(block.subarray(at, at + HASH_BYTES));
    out.set(hash.digest().subarray(0, block.length - at), at);
  }
  return out;
}

/** aes-xts-plain64 with sectors of 512 bytes, counted from the start of the area. */
function encrypt(key: Uint8Array, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let at = 0, sector = 0n; at < data.length; at += SECTOR_BYTES, sector++) {
    const tweak = Buffer.alloc(16);
    tweak.writeBigUInt64LE(sector);
    const cipher = createCipheriv("aes-256-xts", key, tweak);
    out.set(Buffer.concat([cipher.update(data.subarray(at, at + SECTOR_BYTES)), cipher.final()]), at);
  }
  return out;
}
