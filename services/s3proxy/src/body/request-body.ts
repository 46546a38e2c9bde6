import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Authentication } from "../auth/authenticate.ts";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import { readBody } from "../stream/read-body.ts";
import { decodeAwsChunked, type Trailers } from "./aws-chunked.ts";
import { type ChecksumClaim, checksumClaim, checksumOf, requireChecksum } from "./checksums.ts";

/** A request's body, decoded, with all that is claimed about it. */
export interface RequestBody {
  /** Length after decoding; bodies of unknown length are refused. */
  readonly lengthBytes: number;
  /** The body. The iteration fails at its end if length, hash, MD5 or checksum are not as claimed: then it never was. */
  read(): AsyncIterable<Uint8Array>;
  /** Checksum header and value that held, after the body was read to its end. */
  readonly checksum: () => readonly [string, string] | undefined;
}

/**
 * Reads what is claimed about the body.
 * @param headers the request's, with those in it that a presigned query holds
 * @param onRead called before the first byte is read
 * @throws S3Error
 */
export function requestBody(
  request: IncomingMessage,
  headers: IncomingHttpHeaders,
  authentication: Authentication,
  onRead: () => void,
): RequestBody {
  const claim = checksumClaim(headers);
  const md5 = md5Claim(headers["content-md5"]);
  const streaming = authentication.payload.kind === "streaming";
  if (headers["x-amz-trailer"] !== undefined && !(streaming && authentication.payload.trailer)) {
    throw s3Errors.invalidRequest("x-amz-trailer needs a payload with trailers");
  }
  const lengthBytes = lengthOf(request, streaming);
  let checked: readonly [string, string] | undefined;
  const parts = { request, authentication, claim, md5, lengthBytes, onRead };
  return {
    lengthBytes,
    read: () => checkedBody(parts, (pair) => (checked = pair)),
    checksum: () => checked,
  };
}

/** Reads a whole body into memory. @throws S3Error `EntityTooLarge` above the bound */
export async function readSmallBody(body: RequestBody, maxBytes: number): Promise<Buffer> {
  if (body.lengthBytes > maxBytes) {
    throw new S3Error(400, "EntityTooLarge", `The body has ${body.lengthBytes} bytes, at most ${maxBytes} are allowed`);
  }
  // Into one buffer: a body may come in pieces of a byte, each of which takes hundreds of bytes of memory.
  const whole = Buffer.allocUnsafe(body.lengthBytes);
  let at = 0;
  for await (const piece of body.read()) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(0, at);
}

interface BodyParts {
  readonly request: IncomingMessage;
  readonly authentication: Authentication;
  readonly claim: ChecksumClaim | undefined;
  readonly md5: string | undefined;
  readonly lengthBytes: number;
  readonly onRead: () => void;
}

async function* checkedBody(
  { request, authentication, claim, md5, lengthBytes, onRead }: BodyParts,
  onChecksum: (pair: readonly [string, string]) => void,
): AsyncGenerator<Uint8Array> {
  const { payload } = authentication;
  onRead();
  let trailers: Trailers = new Map();
  // Whoever answers the request decides about a body that was not read to its end.
  const raw = readBody(request, { release: () => {}, asFailure: asClientFailure });
  const source =
    payload.kind === "streaming"
      ? decodeAwsChunked(raw, { authentication, ...payload }, (all) => (trailers = all))
      : raw;
  const sha256 = payload.kind === "hash" ? createHash("sha256") : undefined;
  const md5Hash = md5 === undefined ? undefined : createHash("md5");
  const checksum = claim === undefined ? undefined : checksumOf(claim.header);
  let total = 0;
  for await (const piece of source) {
    total += piece.length;
    if (total > lengthBytes) throw s3Errors.incompleteBody(`The body has more than the ${lengthBytes} bytes announced`);
    sha256?.update(piece);
    md5Hash?.update(piece);
    checksum?.update(piece);
    yield piece;
  }
  if (total !== lengthBytes) throw s3Errors.incompleteBody(`The body has ${total} bytes of ${lengthBytes} announced`);
  if (sha256 !== undefined && payload.kind === "hash" && sha256.digest("hex") !== payload.sha256) {
    const message = "The provided 'x-amz-content-sha256' header does not match what was computed";
    throw new S3Error(400, "XAmzContentSHA256Mismatch", message);
  }
  if (md5Hash !== undefined && md5Hash.digest("base64") !== md5) {
    throw new S3Error(400, "BadDigest", "The Content-MD5 you specified did not match what we received");
  }
  if (claim === undefined || checksum === undefined) return;
  const value = claim.value ?? trailers.get(claim.header);
  requireChecksum(claim.header, checksum.digest(), value);
  onChecksum([claim.header, value ?? ""]);
}

function asClientFailure(cause: NodeJS.ErrnoException): Error {
  return cause.code === "ETIMEDOUT" ? new S3Error(400, "RequestTimeout", "The body came too slowly", { cause }) : cause;
}

function lengthOf(request: IncomingMessage, streaming: boolean): number {
  const { headers } = request;
  const text = streaming ? headers["x-amz-decoded-content-length"]?.toString() : headers["content-length"];
  if (text === undefined) {
    if (!streaming && headers["transfer-encoding"] === undefined) return 0;
    throw new S3Error(411, "MissingContentLength", "You must provide the length of the body");
  }
  if (!/^[0-9]{1,15}$/.test(text)) throw s3Errors.invalidArgument("The length of the body must be a number");
  return Number(text);
}

function md5Claim(text: string | string[] | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text === "string" && /^[A-Za-z0-9+/]{22}==$/.test(text)) return text;
  throw new S3Error(400, "InvalidDigest", "The Content-MD5 you specified is not valid");
}
