import type { DerElement } from "./element.ts";
import { DerError } from "./error.ts";
import { expectTag } from "./structure.ts";
import { TAG } from "./tag.ts";

/** Longest arc accepted, in octets; 2.25 arcs with a UUID need 19. */
const MAX_ARC_OCTETS = 20;

/** Dotted text of an OBJECT IDENTIFIER, each arc in its shortest form (X.690 section 8.19). Throws `DerError` "oid". */
export function readOid(element: DerElement): string {
  expectTag(element, TAG.OID, "OBJECT IDENTIFIER");
  const [first, ...others] = readArcs(element.contents);
  if (first === undefined) throw new DerError("oid", "Read OBJECT IDENTIFIER failed: got no octets, wanted an arc");
  const top = first < 40n ? 0n : first < 80n ? 1n : 2n;
  return [top, first - top * 40n, ...others].join(".");
}

function readArcs(contents: Uint8Array): bigint[] {
  const arcs: bigint[] = [];
  let arc = 0n;
  let octets = 0;
  for (const byte of contents) {
    if (octets === 0 && byte === 0x80) {
      throw new DerError("oid", "Read OBJECT IDENTIFIER failed: got a padded arc, wanted the shortest form");
    }
    if (octets === MAX_ARC_OCTETS) {
      throw new DerError("oid", `Read OBJECT IDENTIFIER failed: got a longer arc, wanted "${MAX_ARC_OCTETS}" octets`);
    }
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    octets += 1;
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0n;
      octets = 0;
    }
  }
  if (octets !== 0) throw new DerError("oid", "Read OBJECT IDENTIFIER failed: got a cut arc, wanted its last octet");
  return arcs;
}
