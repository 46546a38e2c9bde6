import { createPublicKey, type KeyObject, verify } from "node:crypto";
import {
  contextConstructed,
  DerError,
  parseDer,
  readBitStringBytes,
  readCount,
  readOid,
  sequence,
  TAG,
} from "@constellation/der";
import { JoinError, refusal } from "./errors.ts";

const MAX_REQUEST_BYTES = 4_096;
const MAX_DEPTH = 12;
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";

/** The parts of a PKCS #10 request that count. */
interface CertificationRequest {
  /** CertificationRequestInfo, as it was signed. */
  readonly info: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

/**
 * Gives the public key of a PKCS #10 request (RFC 2986): ECDSA P-256, and signed by its private key. Subject and
 * attributes are not looked at, because names come from the record.
 * @throws JoinError `certificate_request_malformed`, `certificate_request_key`, `certificate_request_signature`
 */
export function parseCertificateRequest(der: Uint8Array): KeyObject {
  const request = parseRequest(der);
  const key = importP256(request.publicKey);
  if (request.algorithm !== ECDSA_WITH_SHA256) {
    throw refusal("certificate_request_signature", "certificate_request", request.algorithm, "ecdsa-with-SHA256");
  }
  // RFC 2986, section 3: the signature proves possession of the private key.
  if (!verify("sha256", request.info, { key, dsaEncoding: "der" }, request.signature)) {
    throw refusal("certificate_request_signature", "certificate_request", "another signature", "one by its own key");
  }
  return key;
}

/** CertificationRequest (RFC 2986, section 4.2). */
function parseRequest(der: Uint8Array): CertificationRequest {
  try {
    const members = sequence(
      parseDer(der, { maxSizeBytes: MAX_REQUEST_BYTES, maxDepth: MAX_DEPTH }),
      "CertificationRequest",
    );
    const info = members.required(TAG.SEQUENCE);
    const algorithm = members.required(TAG.SEQUENCE);
    const signature = readBitStringBytes(members.next());
    members.end();
    const infoMembers = sequence(info, "CertificationRequestInfo");
    readCount(infoMembers.next(), 0);
    infoMembers.required(TAG.SEQUENCE);
    const publicKey = infoMembers.required(TAG.SEQUENCE).encoding;
    infoMembers.required(contextConstructed(0));
    infoMembers.end();
    const algorithmMembers = sequence(algorithm, "AlgorithmIdentifier");
    const oid = readOid(algorithmMembers.next());
    return { info: info.encoding, publicKey, algorithm: oid, signature };
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new JoinError("certificate_request_malformed", `Read certificate request failed: ${cause.message}`, {
      cause,
      details: { field: "certificate_request", got: cause.code, wanted: "a PKCS #10 request" },
    });
  }
}

function importP256(spki: Uint8Array): KeyObject {
  const key = importKey(spki);
  const kind = key?.asymmetricKeyDetails?.namedCurve ?? key?.asymmetricKeyType ?? "no usable key";
  if (key === undefined || kind !== "prime256v1") {
    throw refusal("certificate_request_key", "certificate_request", kind, "an ECDSA P-256 key");
  }
  return key;
}

function importKey(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    return undefined;
  }
}
