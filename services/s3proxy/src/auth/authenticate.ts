import { type KeyObject, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import type { Target } from "../http/target.ts";
import type { Credentials } from "./credentials.ts";
import { ALGORITHM, type Scope, signature, signingKey, UNSIGNED_PAYLOAD } from "./sigv4.ts";

/** A request as it came. */
export interface UnverifiedRequest {
  readonly method: string;
  readonly target: Target;
  readonly headers: IncomingHttpHeaders;
}

/** How the body is protected. */
export type PayloadKind =
  | { readonly kind: "hash"; readonly sha256: string }
  | { readonly kind: "unsigned" }
  | { readonly kind: "streaming"; readonly signed: boolean; readonly trailer: boolean };

/** Who sent a request, and what its body is checked with. */
export interface Authentication {
  readonly accessKeyId: string;
  readonly payload: PayloadKind;
  readonly key: KeyObject;
  readonly timestamp: string;
  readonly scope: Scope;
  readonly signature: string;
}

/** What clients are known and how late they may be. */
export interface AuthenticateOptions {
  readonly clients: ReadonlyMap<string, Credentials>;
  readonly region: string;
  readonly now: () => Date;
}

/** The parts of a signature, from a header or a query. */
interface Claim {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly timestamp: string;
  readonly payloadHash: string;
  readonly query: Target["query"];
  readonly validFor: { readonly beforeMs: number; readonly afterMs: number };
}

const SKEW_MS = 900_000;
const MAX_EXPIRES_S = 604_800;
const STREAMING = new Map<string, PayloadKind>([
  ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", { kind: "streaming", signed: true, trailer: false }],
  ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", { kind: "streaming", signed: true, trailer: true }],
  ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", { kind: "streaming", signed: false, trailer: true }],
]);

/**
 * Verifies the signature of a request, in its header or in its query (presigned), by AWS Signature Version 4.
 * @throws S3Error
 */
export function authenticate(request: UnverifiedRequest, options: AuthenticateOptions): Authentication {
  const claim = readClaim(request);
  const [accessKeyId = "", ...scopeParts] = claim.credential.split("/");
  const scope = validateScope(scopeParts, claim.timestamp, options.region);
  validateTime(claim, options.now());
  const client = options.clients.get(accessKeyId);
  if (client === undefined) {
    throw new S3Error(403, "InvalidAccessKeyId", "The access key ID you provided is not known here");
  }
  const { method, target } = request;
  const headers = signedHeaders(request.headers, claim.signedHeaders);
  const key = signingKey(client.secretAccessKey, scope);
  const signed = { method, path: target.path, query: claim.query, headers, payloadHash: claim.payloadHash };
  const wanted = signature(key, signed, claim.timestamp, scope);
  if (!equalText(wanted, claim.signature)) throw s3Errors.signature();
  const payload = payloadKind(claim.payloadHash);
  return { accessKeyId, payload, key, timestamp: claim.timestamp, scope, signature: wanted };
}

/** Compares two signatures in time that does not depend on where they differ (T11). */
export function equalText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function readClaim({ headers, target }: UnverifiedRequest): Claim {
  const presigned = target.query.some(([name]) => name === "X-Amz-Signature" || name === "X-Amz-Algorithm");
  const { authorization } = headers;
  if (authorization !== undefined && presigned) {
    throw s3Errors.invalidArgument("Only one way of authentication is allowed");
  }
  if (presigned) return claimOfQuery(target.query, headers);
  if (authorization === undefined) throw s3Errors.accessDenied("Access Denied");
  return claimOfHeader(authorization, headers, target.query);
}

function claimOfHeader(authorization: string, headers: IncomingHttpHeaders, query: Target["query"]): Claim {
  const match = /^AWS4-HMAC-SHA256 +Credential=([^\s,]+), *SignedHeaders=([^\s,]+), *Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  if (match === null) throw s3Errors.invalidArgument(`The Authorization header must be of the form ${ALGORITHM}`);
  const payloadHash = header(headers, "x-amz-content-sha256");
  const timestamp = header(headers, "x-amz-date");
  const [, credential = "", signedNames = "", given = ""] = match;
  const validFor = { beforeMs: SKEW_MS, afterMs: SKEW_MS };
  return { credential, signedHeaders: signedNames, signature: given, timestamp, payloadHash, query, validFor };
}

function claimOfQuery(query: Target["query"], headers: IncomingHttpHeaders): Claim {
  const values = new Map(query);
  const get = (name: string): string => {
    const value = values.get(name);
    if (value === undefined) throw authQueryError(`the query parameter ${name} is missing`);
    return value;
  };
  if (get("X-Amz-Algorithm") !== ALGORITHM) throw authQueryError(`X-Amz-Algorithm must be ${ALGORITHM}`);
  const expires = get("X-Amz-Expires");
  if (!/^[0-9]{1,6}$/.test(expires) || Number(expires) < 1 || Number(expires) > MAX_EXPIRES_S) {
    throw authQueryError(`X-Amz-Expires must be 1 to ${MAX_EXPIRES_S} seconds`);
  }
  return {
    credential: get("X-Amz-Credential"),
    signedHeaders: get("X-Amz-SignedHeaders"),
    signature: get("X-Amz-Signature"),
    timestamp: get("X-Amz-Date"),
    payloadHash: headers["x-amz-content-sha256"]?.toString() ?? values.get("X-Amz-Content-Sha256") ?? UNSIGNED_PAYLOAD,
    query: query.filter(([name]) => name !== "X-Amz-Signature"),
    validFor: { beforeMs: SKEW_MS, afterMs: Number(expires) * 1_000 },
  };
}

function validateScope(parts: readonly string[], timestamp: string, region: string): Scope {
  const [date = "", got = "", service, end] = parts;
  if (parts.length !== 4 || service !== "s3" || end !== "aws4_request" || date !== timestamp.slice(0, 8)) {
    throw new S3Error(
      400,
      "AuthorizationHeaderMalformed",
      "The credential must be <id>/<date>/<region>/s3/aws4_request",
    );
  }
  if (got !== region) {
    const message = `The region is wrong: got "${got.slice(0, 64)}", wanted "${region}"`;
    const headers = { "x-amz-bucket-region": region };
    throw new S3Error(400, "AuthorizationHeaderMalformed", message, { headers });
  }
  return { date, region };
}

function validateTime({ timestamp, validFor }: Claim, now: Date): void {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  const time = match === null ? Number.NaN : Date.parse(timestamp.replace(/^(....)(..)(..T..)(..)/, "$1-$2-$3:$4:"));
  if (Number.isNaN(time)) throw s3Errors.accessDenied("The date must be of the form YYYYMMDDTHHMMSSZ");
  const ageMs = now.getTime() - time;
  if (-ageMs > validFor.beforeMs) throw new S3Error(403, "RequestTimeTooSkewed", "The request is of the future");
  if (ageMs <= validFor.afterMs) return;
  if (validFor.afterMs !== SKEW_MS) throw s3Errors.accessDenied("Request has expired");
  throw new S3Error(403, "RequestTimeTooSkewed", "The request is too old");
}

function signedHeaders(headers: IncomingHttpHeaders, list: string): [string, string][] {
  const names = list.split(";");
  const sorted = [...names].sort();
  if (!names.includes("host") || names.some((name, index) => name !== sorted[index] || name !== name.toLowerCase())) {
    throw s3Errors.invalidArgument("SignedHeaders must be sorted, in lower case, with host");
  }
  // What is not signed could be added on the way: S3 refuses such requests, too.
  const unsigned = Object.keys(headers).find((name) => name.startsWith("x-amz-") && !names.includes(name));
  if (unsigned !== undefined) {
    throw s3Errors.accessDenied(`There were headers present in the request which were not signed: ${unsigned}`);
  }
  return names.map((name) => [name, header(headers, name)]);
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  if (typeof value === "string") return value;
  throw s3Errors.accessDenied(`The request needs the header ${name.slice(0, 64)}`);
}

function payloadKind(hash: string): PayloadKind {
  if (hash === UNSIGNED_PAYLOAD) return { kind: "unsigned" };
  if (/^[0-9a-f]{64}$/.test(hash)) return { kind: "hash", sha256: hash };
  const streaming = STREAMING.get(hash);
  if (streaming !== undefined) return streaming;
  if (hash.startsWith("STREAMING-")) throw s3Errors.notImplemented(`Payload ${hash.slice(0, 64)}`);
  throw s3Errors.invalidArgument("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING value or a SHA-256 value");
}

function authQueryError(why: string): S3Error {
  return new S3Error(400, "AuthorizationQueryParametersError", `Query authentication failed: ${why}`);
}
