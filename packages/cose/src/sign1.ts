import { type CborMap, type CborValue, DEFAULT_CBOR_LIMITS, parseCbor, shown } from "./cbor.ts";
import { CoseError } from "./error.ts";

/** A COSE_Sign1 message. Nothing in it is verified; see `verifySign1`. Byte arrays are views of the input. */
export interface Sign1 {
  /** Contents of the protected bucket as they were signed. */
  readonly protected: Uint8Array;
  /** What the protected bucket says. */
  readonly protectedHeader: CborMap;
  /** Anyone may have changed this. */
  readonly unprotectedHeader: CborMap;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Header parameter labels (RFC 9052 section 3.1). */
export const HEADER = { ALG: 1n, CRIT: 2n } as const;

/** CBOR tag 18 in its shortest form (RFC 9052 section 2, table 1). */
const COSE_SIGN1_TAG = 0xd2;
const MEMBERS = 4;

/**
 * Parses a COSE_Sign1 (RFC 9052 section 4.2), tagged or not, with its payload inside. Throws `CoseError`.
 * No parameter may stand in both buckets, and none may be critical, as none but `alg` is understood (section 3).
 */
export function parseSign1(bytes: Uint8Array): Sign1 {
  const members = parseCbor(bytes[0] === COSE_SIGN1_TAG ? bytes.subarray(1) : bytes, DEFAULT_CBOR_LIMITS);
  if (!Array.isArray(members) || members.length !== MEMBERS) throw structure("COSE_Sign1", "an array of four");
  const [first, unprotectedHeader, payload, signature] = members as CborValue[];
  if (!(first instanceof Uint8Array)) throw structure("protected", "a byte string");
  if (!(unprotectedHeader instanceof Map)) throw structure("unprotected", "a map");
  if (!(payload instanceof Uint8Array)) throw structure("payload", "a byte string");
  if (!(signature instanceof Uint8Array)) throw structure("signature", "a byte string");
  const protectedHeader = parseProtected(first);
  checkHeaders(protectedHeader, unprotectedHeader as CborMap);
  return { protected: first, protectedHeader, unprotectedHeader: unprotectedHeader as CborMap, payload, signature };
}

/** RFC 9052 section 3: a map without parameters may be written as no bytes at all. */
function parseProtected(bytes: Uint8Array): CborMap {
  const header = bytes.length === 0 ? new Map<never, never>() : parseCbor(bytes, DEFAULT_CBOR_LIMITS);
  if (!(header instanceof Map)) throw structure("protected", "a map inside");
  return header as CborMap;
}

function checkHeaders(protectedHeader: CborMap, unprotectedHeader: CborMap): void {
  for (const label of unprotectedHeader.keys()) {
    if (protectedHeader.has(label)) throw header(`parameter ${shown(label)} in both buckets`, "it in one");
  }
  // RFC 9052 section 3.1: crit stands in the protected bucket; its parameters must all be understood.
  if (protectedHeader.has(HEADER.CRIT) || unprotectedHeader.has(HEADER.CRIT)) {
    throw header("critical parameters", "none");
  }
  // An algorithm that is not signed says nothing.
  if (unprotectedHeader.has(HEADER.ALG)) throw header("an unprotected algorithm", "it protected");
}

function structure(member: string, wanted: string): CoseError {
  return new CoseError("sign1_structure", `Parse COSE_Sign1 failed: got another type of ${member}, wanted ${wanted}`);
}

function header(got: string, wanted: string): CoseError {
  return new CoseError("sign1_header", `Parse COSE_Sign1 failed: got ${got}, wanted ${wanted}`);
}
