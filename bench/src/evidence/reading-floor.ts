import { createPublicKey, X509Certificate } from "node:crypto";
import { parseQuote } from "@constellation/tdx";
import { FLOOR } from "./floor.ts";
import { type Inputs, type Kind, file, pemBlocks } from "./inputs.ts";
import type { Work } from "./work.ts";

/** What is read for each verification. */
interface Readings {
  /** DER, each once. */
  readonly certificates: readonly Uint8Array[];
  /** A key that is in no certificate, SubjectPublicKeyInfo. */
  readonly key?: Uint8Array;
  readonly json?: readonly Uint8Array[];
}

/**
 * The floor, and the bare reading that its signatures need: node:crypto's own of the certificates that come with the evidence
 * and of their keys, and JSON.parse. No verifier in Node.js that keeps nothing from one piece of evidence to the next gets
 * below it.
 */
export function readingFloor(inputs: Inputs): Work {
  const verify = FLOOR[inputs.kind](inputs);
  const { certificates, key, json = [] } = READINGS[inputs.kind](inputs);
  return () => {
    for (const certificate of certificates) requirePublic(new X509Certificate(certificate).publicKey.type);
    if (key !== undefined) requirePublic(createPublicKey({ key: Buffer.from(key), format: "der", type: "spki" }).type);
    for (const text of json) JSON.parse(Buffer.from(text).toString());
    verify();
  };
}

function requirePublic(type: string): void {
  if (type !== "public") throw new Error(`Read key failed: got a ${type} one, wanted a public one`);
}

const READINGS: Readonly<Record<Kind, (inputs: Inputs) => Readings>> = {
  "sev-snp": ({ files }) => ({
    certificates: unique([file(files, "endorsement_cert"), ...pemBlocks(file(files, "ca_chain"))]),
  }),
  tdx: ({ files }) => {
    const quote = parseQuote(file(files, "quote"));
    const chains = ["tcb_info_issuer_chain", "qe_identity_issuer_chain", "pck_crl_issuer_chain"];
    const blocks = chains.flatMap((role) => pemBlocks(file(files, role)));
    const certificates = unique([...pemBlocks(quote.pckCertificateChain), ...blocks]);
    return {
      certificates,
      key: spkiOf(certificates[0]),
      json: [file(files, "tcb_info"), file(files, "qe_identity")],
    };
  },
  tpm: ({ files }) => {
    const ak = file(files, "ak_cert");
    return { certificates: unique([ak, ...pemBlocks(file(files, "ak_ca_chain"))]), key: spkiOf(ak) };
  },
};

/** A key of the same kind as the one outside of certificates: TDX's attestation key, a TPM's public area. */
function spkiOf(certificate: Uint8Array | undefined): Uint8Array {
  if (certificate === undefined) throw new Error("Read case failed: a certificate is missing");
  return new X509Certificate(certificate).publicKey.export({ format: "der", type: "spki" });
}

function unique(certificates: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(certificates.map((der) => [Buffer.from(der).toString("base64"), der])).values()];
}
