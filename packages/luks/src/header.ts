import { type BinaryHeader, type CopyName, hasMagic, otherCopy, parseBinaryHeader } from "./binary-header.ts";
import { LuksError } from "./errors.ts";
import { type AcceptedMetadata, mentionsToken, validateMetadata } from "./metadata.ts";

/**
 * Bytes in front of the data: both header copies and all key slots (16 MiB, `segments.0.offset`). Everything that
 * cryptsetup is ever given of a disk's header is a copy of these bytes in memory.
 */
export const HEADER_AREA_BYTES = 16 * 1024 * 1024;

/** What is to be done with a disk. Only an accepted header of an initialised node is ever opened with a cluster key. */
export type DiskContent =
  | { kind: "fresh"; reason: string }
  | {
      kind: "initialised";
      /** Generation of the master secret that the disk's key is from. */
      generation: number;
      /** The copy of the header that a change of the key, cut off, left behind; the other one is whole and counts. */
      broken?: CopyName;
    };

/**
 * Accepts exactly one header: both copies intact and equal, the UUID of this node's disk, the one parameter set (T7).
 * @throws LuksError
 */
export function validateHeader(area: Uint8Array, uuid: string): AcceptedMetadata {
  const primary = parseBinaryHeader(area, "primary");
  const secondary = parseBinaryHeader(area, "secondary");
  if (primary.sequenceId !== secondary.sequenceId) {
    const got = `sequence numbers ${primary.sequenceId} and ${secondary.sequenceId}`;
    throw new LuksError("copies_differ", "header", got, "two equal copies");
  }
  if (primary.json !== secondary.json) throw new LuksError("copies_differ", "header", "two texts", "two equal copies");
  for (const copy of [primary, secondary]) {
    if (copy.uuid !== uuid) throw new LuksError("uuid", "uuid", copy.uuid, uuid);
  }
  return validateMetadata(primary.json);
}

/**
 * Decides between a disk to be formatted and the disk of an initialised node.
 *
 * A disk is initialised from the moment both copies carry our token (the commit of init and join writes them one after
 * the other), so a disk on which no copy, or only one, carries a token never held anything that must be kept: it is
 * fresh, whatever else stands there, and no key is used on it. Any other header must pass `validateHeader`.
 * @throws LuksError for the header of an initialised node that is not the accepted one
 */
export function inspectDisk(area: Uint8Array, uuid: string): DiskContent {
  const copies = [readCopy(area, "primary"), readCopy(area, "secondary")];
  const tokens = copies.filter((copy) => copy.kind === "unreadable" || (copy.kind === "read" && copy.token)).length;
  if (copies.every((copy) => copy.kind === "none")) return { kind: "fresh", reason: "no header" };
  if (tokens === 0) return { kind: "fresh", reason: "not marked as initialised" };
  if (copies.some((copy) => copy.kind === "read" && !copy.token)) {
    return { kind: "fresh", reason: "initialisation was cut off" };
  }
  const kinds = copies.map((copy) => copy.kind);
  if (kinds.includes("none") && kinds.includes("unreadable"))
    return { kind: "fresh", reason: "formatting was cut off" };
  const broken = brokenCopy(area, uuid);
  if (broken === undefined) return { kind: "initialised", generation: validateHeader(area, uuid).generation };
  const { generation } = validateCopy(parseBinaryHeader(area, otherCopy(broken)), uuid);
  return { kind: "initialised", generation, broken };
}

/**
 * The copy that a change of the key did not finish, if that is all that is wrong: key slot, second copy and first copy
 * are written in this order (`StateDisk`), each whole before the next. So either one copy does not hold together, or the
 * second is ahead of the first, with the same volume under a newer key in the other place. The whole or newer copy must
 * be the accepted header by itself; what a key is used with is made of it alone.
 */
function brokenCopy(area: Uint8Array, uuid: string): CopyName | undefined {
  const [primary, secondary] = [readWhole(area, "primary"), readWhole(area, "secondary")];
  if (primary === undefined && secondary === undefined) return undefined;
  if (primary === undefined || secondary === undefined) {
    const broken = primary === undefined ? "primary" : "secondary";
    return hasMagic(area, broken) ? broken : undefined;
  }
  if (secondary.sequenceId <= primary.sequenceId) return undefined;
  const [older, newer] = [validateCopy(primary, uuid), validateCopy(secondary, uuid)];
  const isChange =
    older.initialised &&
    newer.initialised &&
    older.generation < newer.generation &&
    older.areaOffset !== newer.areaOffset &&
    older.volume === newer.volume;
  return isChange ? "primary" : undefined;
}

function validateCopy(copy: BinaryHeader, uuid: string): AcceptedMetadata {
  if (copy.uuid !== uuid) throw new LuksError("uuid", "uuid", copy.uuid, uuid);
  return validateMetadata(copy.json);
}

function readWhole(area: Uint8Array, name: CopyName): BinaryHeader | undefined {
  try {
    return parseBinaryHeader(area, name);
  } catch (error) {
    if (error instanceof LuksError) return undefined;
    throw error;
  }
}

type Copy = { kind: "none" } | { kind: "unreadable" } | { kind: "read"; token: boolean };

function readCopy(area: Uint8Array, name: CopyName): Copy {
  if (!hasMagic(area, name)) return { kind: "none" };
  try {
    const header = parseBinaryHeader(area, name);
    return { kind: "read", token: mentionsToken(header.json) };
  } catch (error) {
    if (error instanceof LuksError) return { kind: "unreadable" };
    throw error;
  }
}
