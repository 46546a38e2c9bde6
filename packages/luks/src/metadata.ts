import { exact, exactKeys, object, only, parseObject } from "./json-fields.ts";
import { areaBytes, FIRST_AREA_OFFSET, validateDigest, validateKeyslot, validateSegment } from "./sections.ts";

/** LUKS token that marks a state disk as belonging to an initialised node. */
export const STATE_DISK_TOKEN = { type: "constellation-state-disk", keyslots: [], initialised: true } as const;

const INTEGRITY = { integrity: true } as const;

/** Where cryptsetup puts the one key slot: at the front when it formats, behind that when the slot is replaced. */
const AREA_OFFSET = { fresh: FIRST_AREA_OFFSET, initialised: FIRST_AREA_OFFSET + areaBytes(true) } as const;

/**
 * Compares the JSON area with the parameter set of state disks, field by field: what the agent asks cryptsetup
 * 2.7.5 to write and nothing else. Only salts and the digest are free. Says whether the disk is marked as initialised.
 * "LUKS2 On-Disk Format Specification", section 3.
 * @throws LuksError
 */
export function validateMetadata(json: string): { initialised: boolean } {
  const root = parseObject(json);
  exactKeys("fields", "json", root, ["keyslots", "tokens", "segments", "digests", "config"]);
  const initialised = validateTokens(root["tokens"]);
  const areaOffset = AREA_OFFSET[initialised ? "initialised" : "fresh"];
  validateKeyslot("keyslots.0", only("keyslots", "keyslots", root["keyslots"]), { areaOffset, ...INTEGRITY });
  validateSegment(only("segments", "segments", root["segments"]), INTEGRITY);
  validateDigest(only("digests", "digests", root["digests"]), "0");
  exact("config", "config", root["config"], { json_size: "12288", keyslots_size: "16744448" });
  return { initialised };
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

function validateTokens(value: unknown): boolean {
  const tokens = object("tokens", "tokens", value);
  if (Object.keys(tokens).length === 0) return false;
  exactKeys("tokens", "tokens", tokens, ["0"]);
  exact("token", "tokens.0", tokens["0"], STATE_DISK_TOKEN);
  return true;
}
