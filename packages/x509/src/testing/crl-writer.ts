import { bits, int, seq, time, tlv } from "@constellation/der/testing/der-writer";
import {
  ecdsaSha256,
  extension,
  type KeyPair,
  NOT_AFTER,
  NOT_BEFORE,
  name,
  type Signer,
} from "./certificate-writer.ts";

/** Parts of a CRL as DER; all have defaults. */
export interface CrlParts {
  /** Octets before the algorithm; empty for v1. */
  readonly version?: Uint8Array;
  readonly innerAlgorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly thisUpdate?: Uint8Array;
  /** Empty to leave it out. */
  readonly nextUpdate?: Uint8Array;
  /** Entries of revokedCertificates, left out where undefined. */
  readonly entries?: readonly Uint8Array[] | undefined;
  readonly extensions?: readonly Uint8Array[] | undefined;
  /** More members of TBSCertList at its end. */
  readonly trailing?: Uint8Array;
  readonly signer?: Signer;
}

/** cRLNumber, as each CRL has. */
export const CRL_NUMBER = extension("2.5.29.20", false, int(7));

/** An entry for a serial number, with crlEntryExtensions where any are given. */
export function revoked(serial: Uint8Array, ...entryExtensions: readonly Uint8Array[]): Uint8Array {
  return seq(serial, time(NOT_BEFORE), ...(entryExtensions.length > 0 ? [seq(...entryExtensions)] : []));
}

/** Signs a CRL, whatever its parts say. */
export function issueCrl(issuerKey: KeyPair, parts: CrlParts = {}): Uint8Array {
  const signer = parts.signer ?? ecdsaSha256;
  const extensions = "extensions" in parts ? parts.extensions : [CRL_NUMBER];
  const tbs = seq(
    parts.version ?? int(1),
    parts.innerAlgorithm ?? signer.algorithm,
    parts.issuer ?? name("Root"),
    parts.thisUpdate ?? time(NOT_BEFORE),
    parts.nextUpdate ?? time(NOT_AFTER),
    ...(parts.entries ? [seq(...parts.entries)] : []),
    ...(extensions ? [tlv(0xa0, seq(...extensions))] : []),
    ...(parts.trailing ? [parts.trailing] : []),
  );
  return seq(tbs, signer.algorithm, bits(signer.sign(tbs, issuerKey.privateKey)));
}
