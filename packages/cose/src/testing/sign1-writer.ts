import { type KeyObject, sign } from "node:crypto";
import { utf8 } from "@constellation/bytes";
import type { CborMap } from "../cbor.ts";
import { encode } from "./cbor.ts";

/** Parts of a COSE_Sign1; all but the payload have defaults that fit ES384. */
export interface Sign1Parts {
  readonly payload: Uint8Array;
  /** Contents of the protected bucket. */
  readonly protected?: Uint8Array;
  readonly unprotected?: CborMap;
  readonly hash?: "sha256" | "sha384";
  readonly tagged?: boolean;
}

/** Signs a COSE_Sign1 (RFC 9052 section 4.4), whatever its parts say. */
export function issueSign1(key: KeyObject, parts: Sign1Parts): Uint8Array {
  const bucket = parts.protected ?? encode(new Map([[1n, -35n]]));
  const signed = encode(["Signature1", bucket, new Uint8Array(0), parts.payload]);
  const signature = new Uint8Array(sign(parts.hash ?? "sha384", signed, { key, dsaEncoding: "ieee-p1363" }));
  const message = encode([bucket, parts.unprotected ?? new Map(), parts.payload, signature]);
  return parts.tagged ? Uint8Array.of(0xd2, ...message) : message;
}

/** A payload for tests that don't look at it. */
export const PAYLOAD = utf8("payload");
