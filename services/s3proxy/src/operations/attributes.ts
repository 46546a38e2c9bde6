import { type Element } from "@constellation/xml";
import { toClientEtag } from "../http/etag.ts";
import { plainHeaders } from "../http/headers.ts";
import { S3Error } from "../http/s3-error.ts";
import { applyEdits, type Edit, replaceElement } from "../http/xml.ts";
import {
  type Answer,
  answerHeaders,
  type ObjectCall,
  type Parts,
  passedQuery,
  readResponse,
  sendToStore,
  xmlAnswer,
} from "./call.ts";
import { headObject } from "./get-object.ts";
import { parseXml } from "./result.ts";

// What the store says of parts and checksums is about ciphertext.
const HIDDEN = ["Checksum", "ObjectParts"];

/** Gives an object's attributes: ETag, size, storage class. */
export async function getObjectAttributes(call: ObjectCall, parts: Parts): Promise<Answer> {
  const head = await headObject(call, parts).catch(asGetError);
  const { bucket, key, headers, signal } = call;
  const query = { attributes: "", ...passedQuery(call, ["versionId"]) };
  const response = await sendToStore(
    parts,
    { method: "GET", bucket, key, query, headers: plainHeaders(headers) },
    signal,
  );
  const { text, root } = parseXml(await readResponse(response));
  const size = head.headers["content-length"] ?? "";
  const edits = root.children.flatMap((child) => (child.type === "element" ? edit(child as Element, size) : []));
  return xmlAnswer(applyEdits(text, edits), answerHeaders(response));
}

/** HEAD's answer has no document that would say what was not found. */
function asGetError(error: unknown): never {
  if (error instanceof S3Error && error.code === "NotFound") {
    throw new S3Error(404, "NoSuchKey", "The specified key does not exist.", { cause: error });
  }
  throw error;
}

function edit(field: Element, size: string): Edit[] {
  if (field.name === "ObjectSize") return [replaceElement(field, size)];
  if (field.name === "ETag") return [replaceElement(field, toClientEtag(field.text))];
  return HIDDEN.includes(field.name) ? [{ start: field.start, end: field.end, text: "" }] : [];
}
