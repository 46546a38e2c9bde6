import { createHash } from "node:crypto";
import { readSmallBody } from "../body/request-body.ts";
import { conditionHeaders, plainHeaders } from "../http/headers.ts";
import { toStoreEtag } from "../http/etag.ts";
import { type Answer, answerHeaders, type Call, type Parts, sendToStore } from "./call.ts";

/** Bound of the bodies that are passed through: XML and JSON documents. */
const MAX_BODY_BYTES = 1_048_576;
/** A thousand keys of the longest kind, escaped. */
const MAX_DELETE_BYTES = 8_388_608;

/** Sends a request to the store that has nothing to do with an object's content; its answer is passed back. */
export async function passThrough(call: Call, parts: Parts): Promise<Answer> {
  const { method, bucket, key, query, headers, signal } = call;
  const maxBytes = query.has("delete") ? MAX_DELETE_BYTES : MAX_BODY_BYTES;
  const body = await readSmallBody(call.body, maxBytes);
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
  return { status: response.statusCode, headers: { ...answerHeaders(response), ...sized }, body: response };
}

/** Some requests need a digest of their body; S3 takes MD5 for all of them. */
function withBody<R extends { headers: Record<string, string> }>(request: R, body: Buffer): R & { body: Buffer } {
  const md5 = createHash("md5").update(body).digest("base64");
  return { ...request, headers: { ...request.headers, "content-md5": md5 }, body };
}
