import {
  type DerElement,
  DerError,
  parseDer,
  readBitStringBytes,
  readIntegerBytes,
  readNull,
  readOid,
  sequence,
  TAG,
} from "@constellation/der";
import { CryptoError } from "./error.ts";
import { type PssParameters, readPssParameters } from "./pss-parameters.ts";

/** What a SubjectPublicKeyInfo says of its key. */
export type SpkiContents =
  | { readonly kind: "ec"; readonly curve: string; readonly point: Uint8Array }
  | {
      readonly kind: "rsa";
      readonly pssOnly: boolean;
      readonly pss: PssParameters | undefined;
      readonly modulus: Uint8Array;
      readonly exponent: Uint8Array;
    };

const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const RSASSA_PSS = "1.2.840.113549.1.1.10";

/**
 * Reads a SubjectPublicKeyInfo (RFC 5280 section 4.1) of an EC key on a named curve (RFC 5480 section 2) or an RSA key
 * (RFC 3279 section 2.3.1, RFC 4055 section 1.2). Throws `CryptoError`.
 */
export function parseSpki(spki: Uint8Array): SpkiContents {
  try {
    return readSpki(parseDer(spki));
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new CryptoError("key_malformed", `Read public key failed: ${cause.message}`, { cause });
  }
}

function readSpki(element: DerElement): SpkiContents {
  const members = sequence(element, "SubjectPublicKeyInfo");
  const algorithm = members.next();
  const key = readBitStringBytes(members.next());
  members.end();
  const identifier = sequence(algorithm, "AlgorithmIdentifier");
  const oid = readOid(identifier.next());
  switch (oid) {
    case EC_PUBLIC_KEY: {
      const curve = readOid(identifier.next());
      identifier.end();
      return { kind: "ec", curve, point: key };
    }
    case RSA_ENCRYPTION:
      readNull(identifier.next());
      identifier.end();
      return { kind: "rsa", pssOnly: false, pss: undefined, ...readRsaPublicKey(key) };
    case RSASSA_PSS: {
      // Parameters, where there are any, bind the key to a hash and salt.
      const parameters = identifier.optional(TAG.SEQUENCE);
      identifier.end();
      const pss = parameters && readPssParameters(parameters);
      return { kind: "rsa", pssOnly: true, pss, ...readRsaPublicKey(key) };
    }
    default:
      throw new CryptoError(
        "key_unsupported",
        `Read public key failed: got algorithm "${oid}", wanted id-ecPublicKey, rsaEncryption or id-RSASSA-PSS`,
      );
  }
}

/** RSAPublicKey (RFC 8017 appendix A.1.1), both numbers as unsigned octets. */
function readRsaPublicKey(bytes: Uint8Array): { modulus: Uint8Array; exponent: Uint8Array } {
  const members = sequence(parseDer(bytes), "RSAPublicKey");
  const modulus = readUnsigned(members.next());
  const exponent = readUnsigned(members.next());
  members.end();
  return { modulus, exponent };
}

function readUnsigned(element: DerElement): Uint8Array {
  const bytes = readIntegerBytes(element);
  const first = bytes[0] as number;
  if (first >= 0x80)
    throw new DerError("integer", "Read RSAPublicKey failed: got a negative number, wanted a positive");
  return first === 0 ? bytes.subarray(1) : bytes;
}
