import { hex } from "@constellation/bytes";
import { type DerElement, DerError, readOid, readText, sequence, setOf, TAG } from "@constellation/der";

/** A distinguished name: its DER for comparing, and a text for people. */
export interface Name {
  readonly der: Uint8Array;
  /** Attributes in the order of the certificate, for example `O=Example, CN=TPM CA`. Never compare this. */
  readonly text: string;
  /**
   * The one common name, as it stands: left out where there is none, more than one, or one of another type than CAs
   * write (UTF8String and PrintableString, RFC 5280 section 4.1.2.4).
   */
  readonly commonName?: string;
}

const COMMON_NAME = "2.5.4.3";

const ATTRIBUTE_NAMES: ReadonlyMap<string, string> = new Map([
  [COMMON_NAME, "CN"],
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

const COMMON_NAME_TAGS: ReadonlySet<number> = new Set([TAG.UTF8_STRING, TAG.PRINTABLE_STRING]);

/** Reads a Name (RFC 5280 section 4.1.2.4). Throws `DerError`. */
export function readName(element: DerElement): Name {
  const members = sequence(element, "Name");
  const reader = new NameReader();
  while (members.hasMore()) reader.read(members.next());
  return { der: element.encoding, ...reader.result() };
}

/** Reads the relative names of one distinguished name in turn. */
class NameReader {
  #text = "";
  #commonName: string | undefined;
  #commonNames = 0;

  read(relativeName: DerElement): void {
    const [first, ...others] = setOf(relativeName, "RelativeDistinguishedName");
    if (first === undefined) {
      throw new DerError("structure", "Read RelativeDistinguishedName failed: got no attributes, wanted one or more");
    }
    if (this.#text !== "") this.#text += ", ";
    this.#text += this.#readAttribute(first);
    for (const other of others) this.#text += ` + ${this.#readAttribute(other)}`;
  }

  result(): Pick<Name, "text" | "commonName"> {
    const commonName = this.#commonNames === 1 ? this.#commonName : undefined;
    return commonName === undefined ? { text: this.#text } : { text: this.#text, commonName };
  }

  #readAttribute(element: DerElement): string {
    const members = sequence(element, "AttributeTypeAndValue");
    const oid = readOid(members.next());
    const value = members.next();
    members.end();
    const text = STRING_TAGS.has(value.tag) ? readText(value) : undefined;
    if (oid === COMMON_NAME) {
      this.#commonNames += 1;
      this.#commonName = COMMON_NAME_TAGS.has(value.tag) ? text : undefined;
    }
    return `${ATTRIBUTE_NAMES.get(oid) ?? oid}=${text === undefined ? `#${hex(value.encoding)}` : escapeText(text)}`;
  }
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
