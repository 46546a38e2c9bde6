import { type CopyName, hasMagic, parseBinaryHeader } from "./binary-header.ts";
import { LuksError } from "./errors.ts";
import { mentionsToken, validateMetadata } from "./metadata.ts";

/**
 * Bytes in front of the data: both header copies and all key slots (16 MiB, `segments.0.offset`). Everything that
 * cryptsetup is ever given of a disk's header is a copy of these bytes in memory.
 */
export const HEADER_AREA_BYTES = 16 * 1024 * 1024;

/** What a state disk's header says, after every check. */
export interface AcceptedHeader {
  initialised: boolean;
}

/** What is to be done with a disk. Only an accepted header of an initialised node is ever opened with a cluster key. */
export type DiskContent = { kind: "fresh"; reason: string } | { kind: "initialised" };

/**
 * Accepts exactly one header: both copies intact and equal, the UUID of this node's disk, the one parameter set (T7).
 * @throws LuksError
 */
export function validateHeader(area: Uint8Array, uuid: string): AcceptedHeader {
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
  validateHeader(area, uuid);
  return { kind: "initialised" };
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
