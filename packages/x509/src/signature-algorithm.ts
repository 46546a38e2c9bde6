import type { SignatureScheme } from "@constellation/crypto";
import {
  contextConstructed,
  type DerElement,
  DerError,
  explicit,
  type Members,
  parseDer,
  readCount,
  readNull,
  readOid,
  sequence,
} from "@constellation/der";
import type { AlgorithmIdentifier } from "./algorithm-identifier.ts";
import { X509Error } from "./error.ts";

type HashName = SignatureScheme["hash"];

/** Algorithms whose OID says everything (RFC 5758 section 3.2, RFC 4055 section 5). */
const FIXED: ReadonlyMap<string, SignatureScheme> = new Map([
  ["1.2.840.10045.4.3.2", { kind: "ecdsa", hash: "sha256", encoding: "der" }],
  ["1.2.840.10045.4.3.3", { kind: "ecdsa", hash: "sha384", encoding: "der" }],
  ["1.2.840.113549.1.1.11", { kind: "rsa-pkcs1", hash: "sha256" }],
  ["1.2.840.113549.1.1.12", { kind: "rsa-pkcs1", hash: "sha384" }],
  ["1.2.840.113549.1.1.13", { kind: "rsa-pkcs1", hash: "sha512" }],
]);

const RSASSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";

const HASHES: ReadonlyMap<string, HashName> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

const MAX_SALT_BYTES = 64;
const TRAILER_BC = 1;

/** Reads a signature algorithm with its parameters. Throws `X509Error` "unsupported_algorithm". */
export function readSignatureScheme(algorithm: AlgorithmIdentifier): SignatureScheme {
  try {
    const members = sequence(parseDer(algorithm.der), "AlgorithmIdentifier");
    members.next();
    return readScheme(algorithm.oid, members);
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw new X509Error("unsupported_algorithm", `Read signature algorithm failed: ${cause.message}`, { cause });
  }
}

function readScheme(oid: string, members: Members): SignatureScheme {
  if (oid === RSASSA_PSS) return readPssParameters(members.next());
  const scheme = FIXED.get(oid);
  if (scheme === undefined) throw unsupported(`algorithm "${oid}"`, "ECDSA or RSA with SHA-2");
  if (scheme.kind === "rsa-pkcs1") readNull(members.next());
  members.end();
  return scheme;
}

/** RSASSA-PSS-params (RFC 4055 section 3.1), without the SHA-1 that its defaults stand for. */
function readPssParameters(element: DerElement): SignatureScheme {
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
  return { kind: "rsa-pss", hash, saltLength };
}

function required(members: Members, number: number): DerElement {
  return explicit(members.required(contextConstructed(number)), "RSASSA-PSS-params");
}

function readHash(element: DerElement): HashName {
  const members = sequence(element, "HashAlgorithm");
  const oid = readOid(members.next());
  if (element.children.length > 1) readNull(members.next());
  members.end();
  const hash = HASHES.get(oid);
  if (hash === undefined) throw unsupported(`hash "${oid}"`, "SHA-256, SHA-384 or SHA-512");
  return hash;
}

function unsupported(got: string, wanted: string): X509Error {
  return new X509Error("unsupported_algorithm", `Read signature algorithm failed: got ${got}, wanted ${wanted}`);
}
