import type { Certificate } from "./certificate.ts";
import { X509Error } from "./error.ts";

/**
 * Refuses an issuer that is no CA or whose key is not for this. A key usage extension that is left out sets no limit
 * (RFC 5280 sections 4.2.1.3, 6.1.4 (k) and (n), 6.3.3 (f)). Throws `X509Error` "not_a_ca" or "key_usage".
 */
export function verifyIssuer(issuer: Certificate, usage: "keyCertSign" | "cRLSign"): void {
  const operation = `Verify issuer "${issuer.subject.text}" failed`;
  if (issuer.basicConstraints?.ca !== true) {
    throw new X509Error("not_a_ca", `${operation}: got no CA bit, wanted a CA certificate`);
  }
  if (issuer.keyUsage !== undefined && !issuer.keyUsage.includes(usage)) {
    throw new X509Error("key_usage", `${operation}: got "${issuer.keyUsage.join(" ")}", wanted "${usage}"`);
  }
}

/** Refuses a clock that shows no time, which no comparison would. Throws `X509Error` "clock". */
export function requireTime(now: Date, what: string): void {
  if (Number.isNaN(now.getTime())) {
    throw new X509Error("clock", `Verify ${what} failed: got "Invalid Date" as the current time, wanted a time`);
  }
}
