import { hex } from "@constellation/bytes";
import { verifySignature } from "@constellation/crypto";
import { about } from "@constellation/verdict";
import { type Certificate, publicKeyOf, X509Error } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import type { Check } from "./check.ts";
import { TdxError } from "./error.ts";
import type { KnownCertificates } from "./pem-chain.ts";
import { ECDSA_P256 } from "./signature-scheme.ts";
import { chainChecks, verifyCertificateChain } from "./verify-certificate-chain.ts";

const { check, fail, pass } = about("hardware.genuine");

/** What the signed answers of the PCS have in common. */
interface SignedDocument {
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
}

/** A signed answer to be verified. */
export interface DocumentSpec<T extends SignedDocument> {
  /** What its checks are named by. */
  readonly name: "tcbInfo" | "qeIdentity";
  readonly code: "tcb_info" | "qe_identity";
  readonly parse: (bytes: Uint8Array) => T;
}

/** A signed answer; the document and its signer only where Intel signed it. */
export interface DocumentResult<T extends SignedDocument> {
  readonly checks: readonly Check[];
  readonly document?: T;
  readonly signer?: Certificate;
}

/** The names of the checks of an answer. */
export function documentChecks(name: string): string[] {
  return [`${name}.format`, ...chainChecks(`${name}IssuerChain`), `${name}.signature`, `${name}.validity`];
}

/** Verifies that Intel's TCB signing key made an answer, and that it is the current one (Intel PCS API v4). */
export function verifySignedDocument<T extends SignedDocument>(
  spec: DocumentSpec<T>,
  bytes: Uint8Array,
  issuerChain: Uint8Array,
  root: Certificate,
  now: Date,
  known?: KnownCertificates,
): DocumentResult<T> {
  const { document, check: format } = parseDocument(spec, bytes);
  const { checks: chainChecksDone, chain } = verifyCertificateChain(
    issuerChain,
    {
      name: `${spec.name}IssuerChain`,
      code: `${spec.code}_chain`,
      commonNames: [["Intel SGX TCB Signing"]],
      leafIsCa: false,
    },
    [root],
    now,
    known,
  );
  const checks = [format, ...chainChecksDone];
  if (document === undefined) return { checks };
  const dated = [...checks, verifyValidity(spec, document, now)];
  if (chain === undefined) return { checks: dated };
  const signer = chain[0] as Certificate;
  const signature = verifyDocumentSignature(spec, document, signer);
  const isGenuine = signature.outcome === "pass";
  return { checks: [...dated, signature], ...(isGenuine && { document, signer }) };
}

function parseDocument<T extends SignedDocument>(
  { name, code, parse }: DocumentSpec<T>,
  bytes: Uint8Array,
): { document?: T; check: Check } {
  const { value: document, error } = attempt([TdxError], () => parse(bytes));
  if (error) return { check: fail(`${name}.format`, `${code}_format`, { reason: error.message }) };
  return { document, check: pass(`${name}.format`) };
}

/** The signature covers the inner object as it stands. */
function verifyDocumentSignature<T extends SignedDocument>(
  { name, code }: DocumentSpec<T>,
  { signed, signature }: T,
  signer: Certificate,
): Check {
  const checkName = `${name}.signature`;
  const { value: key, error } = attempt([X509Error], () => publicKeyOf(signer));
  if (error) return fail(checkName, `${code}_signature`, { reason: error.message });
  const holds = verifySignature(key, ECDSA_P256, signed, signature);
  return check(holds, checkName, `${code}_signature`, hex(signature), "one of the TCB signing key");
}

function verifyValidity<T extends SignedDocument>(
  { name, code }: DocumentSpec<T>,
  { issueDate, nextUpdate }: T,
  now: Date,
): Check {
  const details = { got: timeText(now), wanted: `${timeText(issueDate)} to ${timeText(nextUpdate)}` };
  // Compared so that a clock that shows no time fails.
  if (!(now >= issueDate)) return fail(`${name}.validity`, `${code}_not_yet_valid`, details);
  if (!(now <= nextUpdate)) return fail(`${name}.validity`, `${code}_expired`, details);
  return pass(`${name}.validity`, details);
}

function timeText(date: Date): string {
  return Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString();
}
