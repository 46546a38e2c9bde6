import { s3Errors, S3Error } from "./s3-error.ts";

/** What a request's line and Host header say. */
export interface Target {
  /** Path as it was sent, percent-decoded. */
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

const MAX_KEY_BYTES = 1_024;
// What stores take as bucket names, older ones of S3 included; no name of dots alone.
const BUCKET = /^(?!\.+$)[A-Za-z0-9._-]{3,255}$/;

/**
 * Parses path and query, and finds bucket and key in them, or in the host name below `domain`.
 * @throws S3Error
 */
export function parseTarget(url: string, host: string, domain: string | undefined): Target {
  const mark = url.indexOf("?");
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  if (!rawPath.startsWith("/")) throw s3Errors.invalidRequest("The request's target must be a path");
  const path = decode(rawPath);
  const query = mark < 0 ? [] : parseQuery(url.slice(mark + 1));
  const inHost = bucketInHost(host, domain);
  const rest = path.slice(1);
  const slash = rest.indexOf("/");
  const bucket = inHost ?? (slash < 0 ? rest : rest.slice(0, slash));
  const key = inHost === undefined ? (slash < 0 ? "" : rest.slice(slash + 1)) : rest;
  if (bucket === "" && key === "") return { path, query, bucket: undefined, key: undefined };
  validateBucket(bucket);
  if (key === "") return { path, query, bucket, key: undefined };
  validateKey(key);
  return { path, query, bucket, key };
}

/** @throws S3Error `InvalidBucketName` */
export function validateBucket(bucket: string): void {
  if (BUCKET.test(bucket)) return;
  throw new S3Error(400, "InvalidBucketName", "The specified bucket is not valid");
}

/** @throws S3Error for keys that are too long, or that the way to the store could change */
export function validateKey(key: string): void {
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Error(400, "KeyTooLongError", "Your key is too long");
  if (key.includes("\0")) throw s3Errors.invalidArgument("Object keys must not hold a zero byte");
  // Servers and libraries resolve these in paths, and would come to another object.
  if (key.split("/").some((segment) => segment === "." || segment === "..")) {
    throw s3Errors.invalidArgument("Object keys must not have the segments '.' or '..'");
  }
}

function bucketInHost(host: string, domain: string | undefined): string | undefined {
  if (domain === undefined) return undefined;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
}

function parseQuery(text: string): [string, string][] {
  const pairs = text.split("&").filter((pair) => pair !== "");
  const query = pairs.map((pair): [string, string] => {
    const equals = pair.indexOf("=");
    if (equals < 0) return [decode(plusToSpace(pair)), ""];
    return [decode(plusToSpace(pair.slice(0, equals))), decode(plusToSpace(pair.slice(equals + 1)))];
  });
  const names = new Set(query.map(([name]) => name.toLowerCase()));
  // Two of a kind: proxy and store could take different ones.
  if (names.size !== query.length) throw s3Errors.invalidArgument("A query parameter was given twice");
  return query;
}

function plusToSpace(text: string): string {
  return text.replaceAll("+", "%20");
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error(400, "InvalidURI", "Couldn't parse the specified URI");
  }
}
