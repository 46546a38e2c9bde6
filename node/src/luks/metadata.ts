import { isGeneration, MAX_GENERATION } from "@constellation/keys";
import { LuksError, type LuksErrorCode } from "./errors.ts";

const STATE_DISK_TOKEN = { type: "constellation-state-disk", keyslots: [], initialised: true } as const;
const FIRST_GENERATION = 1;

/**
 * The LUKS token that marks a state disk as belonging to an initialised node, and names the generation of the master
 * secret that the disk's key is from. The first generation is not named: its tokens are older than generations.
 */
export function stateDiskToken(generation: number): object {
  return generation === FIRST_GENERATION ? STATE_DISK_TOKEN : { ...STATE_DISK_TOKEN, generation };
}

/** Size of a key slot's area: key, split into 4000 stripes, in whole sectors. */
export const AREA_SIZE_BYTES = 385024;
/** The two places of the one key slot: cryptsetup formats at the first, and changes a key by moving to the other. */
export const AREA_OFFSETS = [32768, 417792] as const;

/** What the JSON area says, after every check. */
export interface AcceptedMetadata {
  /** Whether the disk belongs to an initialised node. */
  readonly initialised: boolean;
  /** Generation that an initialised disk's key is from. */
  readonly generation: number;
  /** Where the key slot is. */
  readonly areaOffset: number;
  /** Segment and digest, which stay what they are when the key is changed. */
  readonly volume: string;
}

const SALT_BYTES = 32;

type Json = Readonly<Record<string, unknown>>;

/**
 * Compares the JSON area with the one accepted parameter set, field by field: what `disk/state-disk.ts` asks cryptsetup
 * 2.7.5 to write and nothing else. Only salts and the digest are free. Says whether the disk is marked as initialised.
 * "LUKS2 On-Disk Format Specification", section 3.
 * @throws LuksError
 */
export function validateMetadata(json: string): AcceptedMetadata {
  const root = parseObject(json);
  exactKeys("fields", "json", root, ["keyslots", "tokens", "segments", "digests", "config"]);
  const token = validateTokens(root["tokens"]);
  const areaOffset = validateKeyslot(only("keyslots", "keyslots", root["keyslots"]), acceptedOffsets(token));
  validateSegment(only("segments", "segments", root["segments"]));
  validateDigest(only("digests", "digests", root["digests"]));
  exact("config", "config", root["config"], { json_size: "12288", keyslots_size: "16744448" });
  const volume = `${canonical(root["segments"])} ${canonical(root["digests"])}`;
  return { initialised: token !== undefined, generation: token ?? FIRST_GENERATION, areaOffset, volume };
}

/** A fresh disk's slot is where formatting puts it, that of generation 1 where the first change did; then either. */
function acceptedOffsets(generation: number | undefined): readonly number[] {
  if (generation === undefined) return [AREA_OFFSETS[0]];
  return generation === FIRST_GENERATION ? [AREA_OFFSETS[1]] : AREA_OFFSETS;
}

/** Whether the JSON area names any token, read leniently: for headers that are not going to be used. */
export function mentionsToken(json: string): boolean {
  try {
    const tokens = (JSON.parse(json) as { tokens?: object }).tokens;
    return tokens === undefined || tokens === null || Object.keys(tokens).length > 0;
  } catch {
    return true;
  }
}

/** The generation that the one token names; undefined without a token. */
function validateTokens(value: unknown): number | undefined {
  const tokens = object("tokens", "tokens", value);
  if (Object.keys(tokens).length === 0) return undefined;
  exactKeys("tokens", "tokens", tokens, ["0"]);
  const { generation } = object("token", "tokens.0", tokens["0"]);
  const named = generation === undefined ? FIRST_GENERATION : generation;
  if (!isGeneration(named) || (generation !== undefined && named === FIRST_GENERATION)) {
    throw new LuksError("token", "tokens.0.generation", generation, `2 to ${MAX_GENERATION}, or none`);
  }
  exact("token", "tokens.0", tokens["0"], stateDiskToken(named));
  return named;
}

function validateKeyslot(slot: Json, areaOffsets: readonly number[]): number {
  exactKeys("keyslot", "keyslots.0", slot, ["type", "key_size", "af", "area", "kdf"]);
  exact("keyslot", "keyslots.0.type", slot["type"], "luks2");
  exact("keyslot", "keyslots.0.key_size", slot["key_size"], 96);
  exact("af", "keyslots.0.af", slot["af"], { type: "luks1", stripes: 4000, hash: "sha256" });
  const { offset, ...area } = object("area", "keyslots.0.area", slot["area"]);
  exact("area", "keyslots.0.area", area, {
    type: "raw",
    size: String(AREA_SIZE_BYTES),
    encryption: "aes-xts-plain64",
    key_size: 64,
  });
  const areaOffset = areaOffsets.find((accepted) => String(accepted) === offset);
  if (areaOffset === undefined) {
    throw new LuksError("area", "keyslots.0.area.offset", offset, areaOffsets.join(" or "));
  }
  const { salt, ...kdf } = object("kdf", "keyslots.0.kdf", slot["kdf"]);
  exact("kdf", "keyslots.0.kdf", kdf, { type: "pbkdf2", hash: "sha256", iterations: 1000 });
  requireBase64("kdf", "keyslots.0.kdf.salt", salt, SALT_BYTES);
  return areaOffset;
}

function validateSegment(segment: Json): void {
  const field = "segments.0";
  exactKeys("segments", field, segment, [
    "type",
    "offset",
    "size",
    "iv_tweak",
    "encryption",
    "sector_size",
    "integrity",
  ]);
  exact("segments", `${field}.type`, segment["type"], "crypt");
  exact("offset", `${field}.offset`, segment["offset"], "16777216");
  exact("offset", `${field}.size`, segment["size"], "dynamic");
  exact("cipher", `${field}.iv_tweak`, segment["iv_tweak"], "0");
  exact("cipher", `${field}.encryption`, segment["encryption"], "aes-xts-plain64");
  exact("sector_size", `${field}.sector_size`, segment["sector_size"], 4096);
  exact("integrity", `${field}.integrity`, segment["integrity"], {
    type: "hmac(sha256)",
    journal_encryption: "none",
    journal_integrity: "none",
  });
}

function validateDigest(entry: Json): void {
  const { salt, digest, ...fixed } = entry;
  exact("digest", "digests.0", fixed, {
    type: "pbkdf2",
    keyslots: ["0"],
    segments: ["0"],
    hash: "sha256",
    iterations: 1000,
  });
  requireBase64("digest", "digests.0.salt", salt, SALT_BYTES);
  requireBase64("digest", "digests.0.digest", digest, 32);
}

function parseObject(json: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new LuksError("json", "json", "text that does not parse", "one JSON object", { cause });
  }
  const root = object("json", "json", value);
  // A text with duplicate keys, other white space or other number forms means one thing here and may mean another to
  // cryptsetup: only the canonical form passes.
  if (JSON.stringify(value) !== json) throw new LuksError("json", "json", "another form", "compact JSON");
  return root;
}

function only(code: LuksErrorCode, field: string, value: unknown): Json {
  const entries = object(code, field, value);
  exactKeys(code, field, entries, ["0"]);
  return object(code, `${field}.0`, entries["0"]);
}

function object(code: LuksErrorCode, field: string, value: unknown): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new LuksError(code, field, value, "an object");
}

function exactKeys(code: LuksErrorCode, field: string, value: Json, keys: readonly string[]): void {
  const got = Object.keys(value).sort().join(", ");
  const wanted = [...keys].sort().join(", ");
  if (got !== wanted) throw new LuksError(code, `fields of ${field}`, got, wanted);
}

function exact(code: LuksErrorCode, field: string, got: unknown, wanted: unknown): void {
  if (canonical(got) !== canonical(wanted)) throw new LuksError(code, field, got, wanted);
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function requireBase64(code: LuksErrorCode, field: string, value: unknown, sizeBytes: number): void {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : undefined;
  if (bytes?.length === sizeBytes && bytes.toString("base64") === value) return;
  throw new LuksError(code, field, value, `${sizeBytes} bytes in base64`);
}
