import { equalConstantTime } from "@constellation/bytes";
import { type DerElement, readOid, sequence } from "@constellation/der";
import { X509Error } from "./error.ts";

/** An AlgorithmIdentifier: its OID and its whole encoding with parameters. */
export interface AlgorithmIdentifier {
  readonly oid: string;
  readonly der: Uint8Array;
}

/** Reads an AlgorithmIdentifier (RFC 5280 section 4.1.1.2); parameters are kept as they stand. Throws `DerError`. */
export function readAlgorithm(element: DerElement): AlgorithmIdentifier {
  const members = sequence(element, "AlgorithmIdentifier");
  const oid = readOid(members.next());
  if (members.hasMore()) members.next();
  members.end();
  return { oid, der: element.encoding };
}

/**
 * Refuses a signature algorithm inside the signed part that differs from the one outside (RFC 5280 sections 4.1.1.2
 * and 5.1.1.2). Throws `DerError`, or `X509Error` "algorithm_mismatch".
 */
export function readInnerAlgorithm(element: DerElement, outer: AlgorithmIdentifier, what: string): void {
  if (equalConstantTime(element.encoding, outer.der)) return;
  const inner = readAlgorithm(element);
  throw new X509Error(
    "algorithm_mismatch",
    `Parse ${what} failed: got signature algorithm "${outer.oid}", wanted "${inner.oid}" as in the signed part`,
  );
}
