import { equalConstantTime } from "@constellation/bytes";
import { type Certificate, parseCertificate, pemToDer, verifyChain } from "@constellation/x509";
import { certificatesIn, rootsOf } from "../../pem.ts";
import type { TestCase } from "../cases.ts";
import { type Range, whole } from "./range.ts";

/** The chain that a case is accepted by, leaf first, pinned root last. */
export function chainOf(subject: TestCase, leafRole: string, issuersRole: string): Certificate[] {
  const [leaf] = certificatesIn(subject.files.get(leafRole)).map(parseCertificate);
  if (leaf === undefined) throw new Error(`Find chain failed: got no certificate in ${leafRole}`);
  return verifyChain({
    leaf,
    intermediates: certificatesIn(subject.files.get(issuersRole)).map(parseCertificate),
    roots: rootsOf(subject.roots),
    now: subject.case.verifyTime ?? new Date(0),
  });
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const DER_SEQUENCE = 0x30;

/** In a file of certificates: those that are no link below the root, and what stands between PEM blocks. */
export function unusedCertificates(file: Uint8Array, chain: readonly Certificate[]): Range[] {
  if (file[0] === DER_SEQUENCE) return [];
  const links = chain.slice(0, -1);
  const ranges: Range[] = [];
  let end = 0;
  for (const { 0: block, index } of Buffer.from(file).toString("latin1").matchAll(BLOCK)) {
    ranges.push({ start: end, end: index, reason: "outsidePem" });
    end = index + block.length;
    const der = pemToDer(block);
    const isLink = links.some((link) => equalConstantTime(link.der, der));
    if (!isLink) ranges.push({ start: index, end, reason: "unusedCertificate" });
  }
  return [...ranges, { start: end, end: file.length, reason: "outsidePem" }];
}

/** A pinned root that the chain does not end at. */
export function unusedRoot(pem: Uint8Array, chain: readonly Certificate[]): Range[] {
  const der = pemToDer(new TextDecoder().decode(pem));
  const isEnd = equalConstantTime((chain.at(-1) as Certificate).der, der);
  return isEnd ? [] : whole(pem, "unusedRoot");
}
