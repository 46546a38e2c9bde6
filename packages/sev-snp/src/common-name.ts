import { type DerElement, parseDer, readOid, readText, sequence, TAG } from "@constellation/der";
import type { Name } from "@constellation/x509";

const COMMON_NAME = "2.5.4.3";
const DIRECTORY_STRINGS: ReadonlySet<number> = new Set([TAG.UTF8_STRING, TAG.PRINTABLE_STRING]);

/** The one common name in a distinguished name, or undefined where there is none, or more than one. */
export function commonNameOf(name: Name): string | undefined {
  const attributes = parseDer(name.der).children.flatMap(({ children }) => children);
  const [only, ...others] = attributes.filter((attribute) => attributeType(attribute) === COMMON_NAME);
  const value = only?.children[1];
  if (value === undefined || others.length > 0 || !DIRECTORY_STRINGS.has(value.tag)) return undefined;
  return readText(value);
}

function attributeType(attribute: DerElement): string {
  return readOid(sequence(attribute, "AttributeTypeAndValue").next());
}
