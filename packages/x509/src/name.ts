import { hex } from "@constellation/bytes";
import { type DerElement, DerError, expectTag, readOid, readText, sequence, setOf, TAG } from "@constellation/der";

/** A distinguished name: its DER for comparing, and a text for people. */
export interface Name {
  readonly der: Uint8Array;
  /** Attributes in the order of the certificate, for example `O=Example, CN=TPM CA`. Never compare this. */
  readonly text: string;
}

const ATTRIBUTE_NAMES: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.5", "SERIALNUMBER"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
]);

const STRING_TAGS: ReadonlySet<number> = new Set([
  TAG.UTF8_STRING,
  TAG.PRINTABLE_STRING,
  TAG.T61_STRING,
  TAG.IA5_STRING,
  TAG.BMP_STRING,
]);

/** Reads a Name (RFC 5280 section 4.1.2.4). Throws `DerError`. */
export function readName(element: DerElement): Name {
  expectTag(element, TAG.SEQUENCE, "Name");
  const text = element.children.map(readRelativeName).join(", ");
  return { der: element.encoding, text };
}

function readRelativeName(element: DerElement): string {
  const [first, ...others] = setOf(element, "RelativeDistinguishedName");
  if (first === undefined) {
    throw new DerError("structure", "Read RelativeDistinguishedName failed: got no attributes, wanted one or more");
  }
  return others.reduce((text, other) => `${text} + ${readAttribute(other)}`, readAttribute(first));
}

function readAttribute(element: DerElement): string {
  const members = sequence(element, "AttributeTypeAndValue");
  const oid = readOid(members.next());
  const value = members.next();
  members.end();
  const text = STRING_TAGS.has(value.tag) ? escapeText(readText(value)) : `#${hex(value.encoding)}`;
  return `${ATTRIBUTE_NAMES.get(oid) ?? oid}=${text}`;
}

/** Letters, digits and marks that are harmless in a name; most are made of these. */
const PLAIN = /^[A-Za-z0-9 .:/()_-]*$/;

/** Keeps a name from looking like two, or from reaching a terminal with control characters. */
function escapeText(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll(/[\\,+=\p{C}]/gu, (character) => {
    if (/[\\,+=]/.test(character)) return `\\${character}`;
    return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
  });
}
