import { createHash, createHmac } from "node:crypto";
import { hex } from "@constellation/bytes";
import type { HttpRequest } from "../http/call.ts";
import { revealText } from "../http/text-secret.ts";
import type { AwsCredentials } from "./credentials.ts";

/** What a signature is made for. */
export interface SigningScope {
  readonly region: string;
  readonly service: "kms" | "s3";
}

/**
 * Signs a request by AWS Signature Version 4 ("Create a signed AWS API request", AWS IAM user guide). Its URL is already
 * in the canonical encoding: RFC 3986, each part encoded once.
 */
export function signed(request: HttpRequest, scope: SigningScope, credentials: AwsCredentials, now: Date): HttpRequest {
  const time = `${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
  const payloadHash = sha256(request.body ?? "");
  const { sessionToken } = credentials;
  const headers: Record<string, string> = {
    ...request.headers,
    "x-amz-date": time,
    "x-amz-content-sha256": payloadHash,
    ...(sessionToken === undefined ? {} : { "x-amz-security-token": revealText(sessionToken) }),
  };
  const url = new URL(request.url);
  const named: [string, string][] = [...Object.entries(headers), ["host", url.host]];
  const sorted = named.sort(([a], [b]) => (a < b ? -1 : 1));
  const signedHeaders = sorted.map(([name]) => name).join(";");
  const canonical = [
    request.method,
    url.pathname,
    canonicalQuery(url),
    ...sorted.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, " ")}`),
    "",
    signedHeaders,
    payloadHash,
  ].join("\n");
  const day = time.slice(0, 8);
  const scopeText = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scopeText, sha256(canonical)].join("\n");
  const signature = hex(hmac(signingKey(credentials, day, scope), toSign));
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scopeText}, ` +
    `SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return { ...request, headers: { ...headers, authorization } };
}

function signingKey({ secretAccessKey }: AwsCredentials, day: string, { region, service }: SigningScope): Uint8Array {
  const start = Buffer.from(`AWS4${revealText(secretAccessKey)}`, "utf8");
  const key = [day, region, service, "aws4_request"].reduce<Uint8Array>((current, part) => hmac(current, part), start);
  start.fill(0);
  return key;
}

/** Sorted by name; each part as `encodeUri` gives it. */
function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => `${encodeUri(name)}=${encodeUri(value)}`)
    .sort()
    .join("&");
}

/** Percent-encoding of all but RFC 3986's unreserved characters. */
export function encodeUri(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: Uint8Array, data: string): Uint8Array {
  return createHmac("sha256", key).update(data).digest();
}
