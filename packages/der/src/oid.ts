import type { DerElement } from "./element.ts";
import { DerError } from "./error.ts";
import { expectTag } from "./structure.ts";
import { TAG } from "./tag.ts";

/** Longest arc accepted, in octets; 2.25 arcs with a UUID need 19. */
const MAX_ARC_OCTETS = 20;

/** Arcs of this many octets fit into a number without loss: 7 * 7 bits. */
const MAX_NUMBER_OCTETS = 7;

/** Dotted text of an OBJECT IDENTIFIER, each arc in its shortest form (X.690 section 8.19). Throws `DerError` "oid". */
export function readOid(element: DerElement): string {
  expectTag(element, TAG.OID, "OBJECT IDENTIFIER");
  const { length } = element;
  if (length === 0) {
    throw new DerError("oid", "Read OBJECT IDENTIFIER failed: got no octets, wanted an arc");
  }
  let text = "";
  for (let start = 0; start < length; ) {
    const end = arcEnd(element, start);
    const arc = readArc(element, start, end);
    text += start === 0 ? firstArcs(arc) : `.${arc}`;
    start = end;
  }
  return text;
}

/** The first octets stand for two arcs: 40 times the top one, which is 0 to 2, and the next. */
function firstArcs(arc: number | bigint): string {
  if (arc < 40) return `0.${arc}`;
  if (arc < 80) return `1.${Number(arc) - 40}`;
  return `2.${typeof arc === "number" ? arc - 80 : arc - 80n}`;
}

/** Where the arc that starts here ends, in its shortest form. */
function arcEnd(element: DerElement, start: number): number {
  if (element.octet(start) === 0x80) {
    throw new DerError("oid", "Read OBJECT IDENTIFIER failed: got a padded arc, wanted the shortest form");
  }
  let end = start;
  while ((element.octet(end) ?? 0) >= 0x80) end += 1;
  if (end === element.length) {
    throw new DerError("oid", "Read OBJECT IDENTIFIER failed: got a cut arc, wanted its last octet");
  }
  if (end - start >= MAX_ARC_OCTETS) {
    throw new DerError("oid", `Read OBJECT IDENTIFIER failed: got a longer arc, wanted "${MAX_ARC_OCTETS}" octets`);
  }
  return end + 1;
}

function readArc(element: DerElement, start: number, end: number): number | bigint {
  if (end - start > MAX_NUMBER_OCTETS) {
    return element.contents.subarray(start, end).reduce((arc, byte) => (arc << 7n) | BigInt(byte & 0x7f), 0n);
  }
  let arc = 0;
  for (let i = start; i < end; i++) arc = arc * 128 + ((element.octet(i) as number) & 0x7f);
  return arc;
}
