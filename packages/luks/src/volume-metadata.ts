import { isGeneration, MAX_GENERATION } from "@constellation/keys";
import { LuksError } from "./errors.ts";
import { exact, exactKeys, type Json, object, only, parseObject } from "./json-fields.ts";
import { areaBytes, FIRST_AREA_OFFSET, validateDigest, validateKeyslot, validateSegment } from "./sections.ts";

/** Type of the one token of a volume's header. */
const VOLUME_TOKEN_TYPE = "constellation-volume";

/** The one key slot: 0 or 1, in the first or the second place for one. A change of the key takes the other of both. */
export interface VolumeSlot {
  readonly number: 0 | 1;
  readonly areaOffset: number;
  readonly areaBytes: number;
}

/** What a volume's header says, after every check. */
export interface VolumeMetadata {
  readonly integrity: boolean;
  /** Generation of the key that opens the slot; undefined while formatting is under way. */
  readonly generation: number | undefined;
  readonly slot: VolumeSlot;
}

/** The token that marks a header as ours and names the generation of its key. */
export function volumeToken(generation: number, integrity: boolean): string {
  return JSON.stringify({ type: VOLUME_TOKEN_TYPE, keyslots: [], generation, integrity });
}

/**
 * Compares the JSON area with the two parameter sets of volumes, with integrity and without, field by field. Free are
 * salts and the digest, the generation, and which of two places the key slot has.
 * "LUKS2 On-Disk Format Specification", section 3.
 * @throws LuksError
 */
export function validateVolumeMetadata(json: string): VolumeMetadata {
  const root = parseObject(json);
  exactKeys("fields", "json", root, ["keyslots", "tokens", "segments", "digests", "config"]);
  const segment = only("segments", "segments", root["segments"]);
  const integrity = "integrity" in segment;
  validateSegment(segment, { integrity });
  const generation = validateTokens(root["tokens"], integrity);
  const slot = validateSlot(root["keyslots"], integrity);
  validateDigest(only("digests", "digests", root["digests"]), String(slot.number));
  exact("config", "config", root["config"], { json_size: "12288", keyslots_size: "16744448" });
  return { integrity, generation, slot };
}

function validateSlot(value: unknown, integrity: boolean): VolumeSlot {
  const slots = object("keyslots", "keyslots", value);
  const number = "1" in slots ? 1 : 0;
  exactKeys("keyslots", "keyslots", slots, [String(number)]);
  const field = `keyslots.${number}`;
  const slot = object("keyslots", field, slots[String(number)]);
  const places = [FIRST_AREA_OFFSET, FIRST_AREA_OFFSET + areaBytes(integrity)] as const;
  const claimed = (slot["area"] as Json | undefined)?.["offset"];
  const areaOffset = claimed === String(places[1]) ? places[1] : places[0];
  validateKeyslot(field, slot, { areaOffset, integrity });
  return { number, areaOffset, areaBytes: areaBytes(integrity) };
}

function validateTokens(value: unknown, integrity: boolean): number | undefined {
  const tokens = object("tokens", "tokens", value);
  if (Object.keys(tokens).length === 0) return undefined;
  exactKeys("tokens", "tokens", tokens, ["0"]);
  const { generation, ...fixed } = object("token", "tokens.0", tokens["0"]);
  exact("token", "tokens.0", fixed, { type: VOLUME_TOKEN_TYPE, keyslots: [], integrity });
  if (isGeneration(generation)) return generation;
  throw new LuksError("token", "tokens.0.generation", generation, `an integer from 1 to ${MAX_GENERATION}`);
}
