import { type DerElement, DerError, parseDer, readOid, readText, sequence, TAG } from "@constellation/der";
import type { Certificate } from "@constellation/x509";
import { attempt } from "./attempt.ts";

const COMMON_NAME = "2.5.4.3";

/**
 * The one common name in a certificate's subject (RFC 5280 section 4.1.2.6), or undefined where there is none, more than
 * one, or one that is no text.
 */
export function commonNameOf({ subject }: Certificate): string | undefined {
  const { value: names = [] } = attempt([DerError], () =>
    parseDer(subject.der).children.flatMap(({ children }) => children.flatMap(readCommonName)),
  );
  return names.length === 1 ? names[0] : undefined;
}

function readCommonName(attribute: DerElement): string[] {
  const members = sequence(attribute, "AttributeTypeAndValue");
  return readOid(members.required(TAG.OID)) === COMMON_NAME ? [readText(members.next())] : [];
}
