import type { KeyObject } from "node:crypto";
import { type Authority, issueCertificate } from "./issue-certificate.ts";

const MINUTE_MS = 60_000;
const CLOCK_SKEW_MS = 5 * MINUTE_MS;
const KUBELET_VALIDITY_MS = 365 * 24 * 60 * MINUTE_MS;

/**
 * The kubelet's certificate (PEM), client and server, for the recorded name. Name and group are those that the API
 * server's Node authoriser goes by.
 */
export function issueKubeletCertificate(
  authority: Authority,
  nodeName: string,
  addresses: readonly string[],
  publicKey: KeyObject,
  now: Date,
): Promise<string> {
  return issueCertificate(authority, {
    commonName: `system:node:${nodeName}`,
    organization: "system:nodes",
    publicKey,
    usages: ["client", "server"],
    dnsNames: [nodeName],
    addresses,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + KUBELET_VALIDITY_MS),
  });
}
