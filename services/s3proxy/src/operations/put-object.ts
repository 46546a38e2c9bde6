import { singleSegment } from "../format/layout.ts";
import { newObject, type SingleObject, wrapObject } from "../format/object-header.ts";
import { sealSegment } from "../format/segment.ts";
import { sealedLength } from "../format/sizes.ts";
import { toStoreEtag } from "../http/etag.ts";
import { conditionHeaders, HEADER_METADATA, type Headers, objectHeaders } from "../http/headers.ts";
import type { StoreRequest, StoreResponse } from "../store/store.ts";
import { type Answer, answerHeaders, drain, nameOf, type ObjectCall, type Parts, sendToStore } from "./call.ts";

/** Puts an object: encrypts it as it comes. */
export async function putObject(call: ObjectCall, parts: Parts): Promise<Answer> {
  const headers = { ...objectHeaders(call.headers), ...conditionHeaders(call.headers, toStoreEtag) };
  const object = newObject(call.body.lengthBytes);
  const response = await putSealed(call, parts, object, headers, call.body.read());
  await drain(response);
  return { status: 200, headers: { ...answerHeaders(response), ...checksumHeaders(call) } };
}

/** Encrypts a source and puts it as an object. */
export async function putSealed(
  call: ObjectCall,
  parts: Parts,
  object: SingleObject,
  headers: Headers,
  source: AsyncIterable<Uint8Array>,
): Promise<StoreResponse> {
  const { bucket, key, signal } = call;
  const wrapped = await wrapObject(object, nameOf(call), parts.keks);
  const request: StoreRequest = {
    method: "PUT",
    bucket,
    key,
    headers: { ...headers, [HEADER_METADATA]: wrapped },
    body: { lengthBytes: sealedLength(object.plainBytes), source: sealSegment(source, singleSegment(object)) },
  };
  return sendToStore(parts, request, signal);
}

/** The checksum that the client gave and that held: S3 says it back. */
export function checksumHeaders({ body }: ObjectCall): Headers {
  const checksum = body.checksum();
  return checksum === undefined ? {} : { [checksum[0]]: checksum[1] };
}
