import { CryptoError, readPssParameters, type SignatureScheme } from "@constellation/crypto";
import { DerError, type Members, parseDer, readNull, sequence } from "@constellation/der";
import type { AlgorithmIdentifier } from "./algorithm-identifier.ts";
import { X509Error } from "./error.ts";

/** Algorithms whose OID says everything (RFC 5758 section 3.2, RFC 4055 section 5). */
const FIXED: ReadonlyMap<string, SignatureScheme> = new Map([
  ["1.2.840.10045.4.3.2", { kind: "ecdsa", hash: "sha256", encoding: "der" }],
  ["1.2.840.10045.4.3.3", { kind: "ecdsa", hash: "sha384", encoding: "der" }],
  ["1.2.840.113549.1.1.11", { kind: "rsa-pkcs1", hash: "sha256" }],
  ["1.2.840.113549.1.1.12", { kind: "rsa-pkcs1", hash: "sha384" }],
  ["1.2.840.113549.1.1.13", { kind: "rsa-pkcs1", hash: "sha512" }],
]);

const RSASSA_PSS = "1.2.840.113549.1.1.10";

/** Reads a signature algorithm with its parameters. Throws `X509Error` "unsupported_algorithm". */
export function readSignatureScheme(algorithm: AlgorithmIdentifier): SignatureScheme {
  try {
    const members = sequence(parseDer(algorithm.der), "AlgorithmIdentifier");
    members.next();
    return readScheme(algorithm.oid, members);
  } catch (cause) {
    if (!(cause instanceof DerError) && !(cause instanceof CryptoError)) throw cause;
    throw new X509Error("unsupported_algorithm", `Read signature algorithm failed: ${cause.message}`, { cause });
  }
}

function readScheme(oid: string, members: Members): SignatureScheme {
  if (oid === RSASSA_PSS) return { kind: "rsa-pss", ...readPssParameters(members.next()) };
  const scheme = FIXED.get(oid);
  if (scheme === undefined) throw unsupported(`algorithm "${oid}"`, "ECDSA or RSA with SHA-2");
  if (scheme.kind === "rsa-pkcs1") readNull(members.next());
  members.end();
  return scheme;
}

function unsupported(got: string, wanted: string): X509Error {
  return new X509Error("unsupported_algorithm", `Read signature algorithm failed: got ${got}, wanted ${wanted}`);
}
