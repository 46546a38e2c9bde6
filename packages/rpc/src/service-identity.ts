import type { X509Certificate } from "node:crypto";

const URI_PREFIX = "URI:";
const SERVICE_URI = /^constellation:\/\/service\/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)$/;

/** The URI that names a service in its certificate. */
export function serviceUri(name: string): string {
  return `constellation://service/${name}`;
}

/**
 * The service that a certificate names: it has exactly one URI among its subject alternative names, and that is
 * `constellation://service/<name>`. Undefined for any other certificate. Whether the certificate is to be trusted is
 * not decided here.
 */
export function serviceNameOf(certificate: X509Certificate): string | undefined {
  const names = certificate.subjectAltName;
  // Node.js quotes names that hold separators or odd characters: no certificate of ours does.
  if (names === undefined || names.includes('"')) return undefined;
  const uris = names.split(", ").filter((name) => name.startsWith(URI_PREFIX));
  if (uris.length !== 1) return undefined;
  return SERVICE_URI.exec(uris[0]!.slice(URI_PREFIX.length))?.[1];
}
