import { oid, seq, set, text } from "@constellation/der/testing/der-writer";

/** Stands in the subject of every certificate of a fake authority, so that nobody takes one for a vendor's. */
export const FAKE_MARK = "Constellation FAKE";

/** A time at which all that a fake authority issues by default is valid. */
export const FAKE_NOW = new Date("2026-01-01T00:00:00Z");

/** A distinguished name with the mark, DER. */
export function fakeName(organization: string, commonName: string): Uint8Array {
  const attribute = (type: string, value: string) => set(seq(oid(type), text(value)));
  return seq(attribute("2.5.4.10", organization), attribute("2.5.4.11", FAKE_MARK), attribute("2.5.4.3", commonName));
}
