import { parseCertificate, pemToDer, X509Error } from "@constellation/x509";

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a string is a host name after RFC 1123, lower case. */
export function isHostName(value: string): boolean {
  return value.length <= 253 && value.split(".").every((label) => DNS_LABEL.test(label));
}

/** Whether a string is an IPv4 address in dotted decimal without leading zeros. */
function isIpv4(value: string): boolean {
  const parts = value.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Whether a string is a host name or an IPv4 address. Digits and dots alone must be a valid address. */
export function isHost(value: string): boolean {
  return /^[\d.]+$/.test(value) ? isIpv4(value) : isHostName(value);
}

/** Whether a string is an IPv4 network in CIDR notation with no host bits set. */
export function isIpv4Cidr(value: string): boolean {
  const [address, prefix, ...rest] = value.split("/");
  if (address === undefined || prefix === undefined || rest.length > 0) return false;
  if (!isIpv4(address) || !/^(0|[1-9]\d?)$/.test(prefix) || Number(prefix) > 32) return false;
  const bits = address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const hostBits = 32n - BigInt(prefix);
  return bits % 2n ** hostBits === 0n;
}

/** Whether a string is lower- or upper-case hexadecimal of exactly this many bytes. */
export function isHex(value: string, lengthBytes: number): boolean {
  return value.length === lengthBytes * 2 && /^[0-9a-fA-F]*$/.test(value);
}

/** Whether a string is an absolute http or https URL without user, query or fragment. */
export function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  return (
    (url.protocol === "http:" || url.protocol === "https:") &&
    url.hostname !== "" &&
    url.username === "" &&
    url.password === "" &&
    url.search === "" &&
    url.hash === ""
  );
}

/** Whether a string is a UUID in lower-case text form. */
export function isUuid(value: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value);
}

/** Whether a string is a day that there is, as RFC 3339 section 5.6 writes it (full-date). */
export function isDay(value: string): boolean {
  const date = new Date(`${value}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(value) && date.getTime() >= 0 && date.toISOString().startsWith(value);
}

/** Whether a string is one X.509 certificate in PEM. */
export function isCertificatePem(value: string): boolean {
  try {
    parseCertificate(pemToDer(value));
    return true;
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}
