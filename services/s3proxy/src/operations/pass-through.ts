import { createHash } from "node:crypto";
import { readSmallBody } from "../body/request-body.ts";
import { conditionHeaders, plainHeaders } from "../http/headers.ts";
import { toStoreEtag } from "../http/etag.ts";
import { parseClientXml } from "../http/xml.ts";
import { type Answer, answerBody, answerHeaders, type Call, type Parts, sendToStore } from "./call.ts";

/** Bound of the bodies that are passed through: XML and JSON documents. */
const MAX_BODY_BYTES = 1_048_576;
/** A thousand keys of the longest kind. */
const MAX_DELETE_BYTES = 2_097_152;

/** Sends a request to the store that has nothing to do with an object's content; its answer is passed back. */
export async function passThrough(call: Call, parts: Parts): Promise<Answer> {
  const maxBytes = call.query.has("delete") ? MAX_DELETE_BYTES : MAX_BODY_BYTES;
  return await passBody(call, parts, await readSmallBody(call.body, maxBytes));
}

async function passBody(call: Call, parts: Parts, body: Buffer): Promise<Answer> {
  const { method, bucket, key, query, headers, signal } = call;
  const request = {
    method,
    bucket,
    key,
    query: Object.fromEntries(query),
    headers: { ...plainHeaders(headers), ...conditionHeaders(headers, toStoreEtag) },
  };
  const response = await sendToStore(parts, body.length === 0 ? request : withBody(request, body), signal);
  const length = response.headers["content-length"];
  const sized = length === undefined ? {} : { "content-length": length };
  return { status: response.statusCode, headers: { ...answerHeaders(response), ...sized }, body: answerBody(response) };
}

/**
 * Creates a bucket. What is sent must be the settings of one: were the store's endpoint that of a single bucket, the
 * request would write an object.
 */
export async function createBucket(call: Call, parts: Parts): Promise<Answer> {
  const body = await readSmallBody(call.body, MAX_BODY_BYTES);
  if (body.length > 0) parseClientXml(body, "CreateBucketConfiguration");
  return await passBody(call, parts, body);
}

/** Some requests need a digest of their body; S3 takes MD5 for all of them. */
function withBody<R extends { headers: Record<string, string> }>(request: R, body: Buffer): R & { body: Buffer } {
  const md5 = createHash("md5").update(body).digest("base64");
  return { ...request, headers: { ...request.headers, "content-md5": md5 }, body };
}
