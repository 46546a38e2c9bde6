import { isGeneration, MAX_GENERATION } from "@constellation/keys";
import { LuksError } from "./errors.ts";
import { canonical, exact, exactKeys, type Json, object, only, parseObject } from "./json-fields.ts";
import { areaBytes, FIRST_AREA_OFFSET, validateDigest, validateKeyslot, validateSegment } from "./sections.ts";

const STATE_DISK_TOKEN = { type: "constellation-state-disk", keyslots: [], initialised: true } as const;
const FIRST_GENERATION = 1;
const INTEGRITY = { integrity: true } as const;

/**
 * The LUKS token that marks a state disk as belonging to an initialised node, and names the generation of the master
 * secret that the disk's key is from. The first generation is not named: its tokens are older than generations.
 */
export function stateDiskToken(generation: number): string {
  return JSON.stringify(generation === FIRST_GENERATION ? STATE_DISK_TOKEN : { ...STATE_DISK_TOKEN, generation });
}

/** Size of a state disk's key slot area. */
export const AREA_SIZE_BYTES: number = areaBytes(true);
/** The two places of the one key slot: cryptsetup formats at the first, and changes a key by moving to the other. */
export const AREA_OFFSETS = [FIRST_AREA_OFFSET, FIRST_AREA_OFFSET + AREA_SIZE_BYTES] as const;

/** What the JSON area of a state disk says, after every check. */
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

/**
 * Compares the JSON area with the parameter set of state disks, field by field: what the agent asks cryptsetup
 * 2.7.5 to write and nothing else. Free are salts and the digest, the generation, and which of two places the key slot of
 * a later generation has. "LUKS2 On-Disk Format Specification", section 3.
 * @throws LuksError
 */
export function validateMetadata(json: string): AcceptedMetadata {
  const root = parseObject(json);
  exactKeys("fields", "json", root, ["keyslots", "tokens", "segments", "digests", "config"]);
  const token = validateTokens(root["tokens"]);
  const slot = only("keyslots", "keyslots", root["keyslots"]);
  const areaOffset = claimedOffset(slot, acceptedOffsets(token));
  validateKeyslot("keyslots.0", slot, { areaOffset, ...INTEGRITY });
  validateSegment(only("segments", "segments", root["segments"]), INTEGRITY);
  validateDigest(only("digests", "digests", root["digests"]), "0");
  exact("config", "config", root["config"], { json_size: "12288", keyslots_size: "16744448" });
  const volume = `${canonical(root["segments"])} ${canonical(root["digests"])}`;
  return { initialised: token !== undefined, generation: token ?? FIRST_GENERATION, areaOffset, volume };
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

/** A fresh disk's slot is where formatting puts it, that of generation 1 where the first change did; then either. */
function acceptedOffsets(generation: number | undefined): readonly number[] {
  if (generation === undefined) return [AREA_OFFSETS[0]];
  return generation === FIRST_GENERATION ? [AREA_OFFSETS[1]] : AREA_OFFSETS;
}

function claimedOffset(slot: Json, accepted: readonly number[]): number {
  const { offset } = object("area", "keyslots.0.area", slot["area"]);
  const found = accepted.find((place) => String(place) === offset);
  if (found === undefined) throw new LuksError("area", "keyslots.0.area.offset", offset, accepted.join(" or "));
  return found;
}

/** The generation that the one token names; undefined without a token. */
function validateTokens(value: unknown): number | undefined {
  const tokens = object("tokens", "tokens", value);
  if (Object.keys(tokens).length === 0) return undefined;
  exactKeys("tokens", "tokens", tokens, ["0"]);
  const { generation, ...fixed } = object("token", "tokens.0", tokens["0"]);
  const named = generation === undefined ? FIRST_GENERATION : generation;
  if (!isGeneration(named) || (generation !== undefined && named === FIRST_GENERATION)) {
    throw new LuksError("token", "tokens.0.generation", generation, `2 to ${MAX_GENERATION}, or none`);
  }
  exact("token", "tokens.0", fixed, STATE_DISK_TOKEN);
  return named;
}
