import {
  contextConstructed,
  type DerElement,
  explicit,
  type Members,
  readCount,
  readNull,
  readOid,
  sequence,
} from "@constellation/der";
import { CryptoError } from "./error.ts";
import type { SignatureHash } from "./verify-signature.ts";

/** What RSASSA-PSS-params say: hash, of the mask too, and length of the salt. */
export interface PssParameters {
  readonly hash: SignatureHash;
  readonly saltLength: number;
}

const MGF1 = "1.2.840.113549.1.1.8";
const HASHES: ReadonlyMap<string, SignatureHash> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);
const MAX_SALT_BYTES = 64;
const TRAILER_BC = 1;

/**
 * Reads RSASSA-PSS-params (RFC 4055 section 3.1), without the SHA-1 that its defaults stand for. Throws `DerError`, and
 * `CryptoError` "parameters_unsupported".
 */
export function readPssParameters(element: DerElement): PssParameters {
  const members = sequence(element, "RSASSA-PSS-params");
  const hash = readHash(required(members, 0));
  const mask = sequence(required(members, 1), "MaskGenAlgorithm");
  const maskOid = readOid(mask.next());
  const maskHash = readHash(mask.next());
  mask.end();
  const saltLength = readCount(required(members, 2), MAX_SALT_BYTES);
  const trailer = members.optional(contextConstructed(3));
  members.end();
  if (maskOid !== MGF1 || maskHash !== hash) {
    throw unsupported(`mask generation "${maskOid}" with "${maskHash}"`, `MGF1 with "${hash}"`);
  }
  // AMD writes out the one value there is, which DER would leave out as the default.
  if (trailer !== undefined && readCount(explicit(trailer, "trailerField"), TRAILER_BC) !== TRAILER_BC) {
    throw unsupported('trailer field "0"', `"${TRAILER_BC}"`);
  }
  return { hash, saltLength };
}

function required(members: Members, number: number): DerElement {
  return explicit(members.required(contextConstructed(number)), "RSASSA-PSS-params");
}

function readHash(element: DerElement): SignatureHash {
  const members = sequence(element, "HashAlgorithm");
  const oid = readOid(members.next());
  if (members.hasMore()) readNull(members.next());
  members.end();
  const hash = HASHES.get(oid);
  if (hash === undefined) throw unsupported(`hash "${oid}"`, "SHA-256, SHA-384 or SHA-512");
  return hash;
}

function unsupported(got: string, wanted: string): CryptoError {
  return new CryptoError("parameters_unsupported", `Read RSASSA-PSS-params failed: got ${got}, wanted ${wanted}`);
}
