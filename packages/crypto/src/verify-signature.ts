import { constants, type KeyObject, verify } from "node:crypto";
import type { HashName } from "./digest.ts";
import type { PublicKey } from "./public-key.ts";

type SignatureHash = Exclude<HashName, "sha1">;

/** A signature algorithm with all its parameters. */
export type SignatureScheme =
  /** `der`: SEQUENCE of two INTEGERs, strict; `fixed`: r and s of the curve's length, big-endian. */
  | { readonly kind: "ecdsa"; readonly hash: SignatureHash; readonly encoding: "der" | "fixed" }
  | { readonly kind: "rsa-pkcs1"; readonly hash: SignatureHash }
  /** MGF1 with the same hash. */
  | { readonly kind: "rsa-pss"; readonly hash: SignatureHash; readonly saltLength: number };

/** Whether the signature over the data holds. A key is used with its own kind of signature only. Never throws. */
export function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const handle = key.handle as KeyObject;
  switch (scheme.kind) {
    case "ecdsa": {
      const dsaEncoding = scheme.encoding === "der" ? "der" : "ieee-p1363";
      return key.kind === "ec" && verify(scheme.hash, data, { key: handle, dsaEncoding }, signature);
    }
    case "rsa-pkcs1": {
      const padding = constants.RSA_PKCS1_PADDING;
      return key.kind === "rsa" && !key.pssOnly && verify(scheme.hash, data, { key: handle, padding }, signature);
    }
    case "rsa-pss": {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const { saltLength } = scheme;
      return key.kind === "rsa" && verify(scheme.hash, data, { key: handle, padding, saltLength }, signature);
    }
  }
}
