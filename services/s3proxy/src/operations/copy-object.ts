import { childText, elements } from "@constellation/xml";
import { newObject, type SingleObject, wrapObject } from "../format/object-header.ts";
import { toClientEtag, toStoreEtag } from "../http/etag.ts";
import { conditionHeaders, HEADER_METADATA, type Headers, objectHeaders } from "../http/headers.ts";
import { pathEncode, uriEncode } from "../auth/sigv4.ts";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import { textElement, xmlDocument } from "../http/xml.ts";
import {
  type XmlAnswer,
  answerHeaders,
  drain,
  nameOf,
  type ObjectCall,
  type Parts,
  readResponse,
  sendToStore,
  xmlAnswer,
} from "./call.ts";
import { type CopySource, findCopySource, withCopySource } from "./copy-source.ts";
import { sealPart } from "./multipart.ts";
import { putSealed } from "./put-object.ts";
import { parseResult, parseXml } from "./result.ts";
import { asChange, untilUnchanged } from "./stored-object.ts";

const COPIED_HEADERS = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

/**
 * Copies an object. One of a single segment is copied by the store, with its key wrapped anew for the new place; a
 * multipart one is read and encrypted again, because its keys are bound to its old place and its upload.
 */
export function copyObject(call: ObjectCall, parts: Parts): Promise<XmlAnswer> {
  return untilUnchanged(() => copyNow(call, parts));
}

/** Stores a range of another object as a part. */
export function uploadPartCopy(call: ObjectCall, parts: Parts): Promise<XmlAnswer> {
  return untilUnchanged(() => copyPartNow(call, parts));
}

async function copyNow(call: ObjectCall, parts: Parts): Promise<XmlAnswer> {
  const source = await findCopySource(call, parts);
  const headers = { ...(await metadataOf(call, source)), ...conditionHeaders(call.headers, toStoreEtag) };
  await refuseCopyToItself(call, source, parts);
  if (source.stored.kind === "single") return await copyAtStore(call, parts, source, source.stored.object, headers);
  return await copyThrough(call, parts, source, headers);
}

async function copyPartNow(call: ObjectCall, parts: Parts): Promise<XmlAnswer> {
  const source = await findCopySource(call, parts);
  const range = copyRange(call.headers["x-amz-copy-source-range"]?.toString(), source.stored.plainBytes);
  const plainBytes = range.end - range.start + 1;
  const { etag } = await withCopySource(source, range, { parts, signal: call.signal }, (plaintext) =>
    sealPart(call, parts, plainBytes, plaintext),
  );
  return xmlAnswer(resultXml("CopyPartResult", etag, new Date()), versionHeaders(source));
}

async function copyAtStore(
  call: ObjectCall,
  parts: Parts,
  { pinned }: CopySource,
  object: SingleObject,
  headers: Headers,
): Promise<XmlAnswer> {
  const { bucket, key, signal } = call;
  const { name, versionId, etag } = pinned;
  const version = versionId === undefined ? "" : `?versionId=${uriEncode(versionId)}`;
  const request = {
    method: "PUT",
    bucket,
    key,
    headers: {
      ...headers,
      "x-amz-copy-source": `/${pathEncode(`${name.bucket}/${name.key}`)}${version}`,
      // What was checked is what is copied.
      "x-amz-copy-source-if-match": etag,
      "x-amz-metadata-directive": "REPLACE",
      [HEADER_METADATA]: await wrapObject(object, nameOf(call), parts.keks),
    },
  };
  // A client's own condition, on what is there already, fails in the same words.
  const hasOwn = Object.keys(conditionHeaders(call.headers, toStoreEtag)).length > 0;
  const sent = sendToStore(parts, request, signal);
  const response = await (hasOwn ? sent : sent.catch(asChange));
  const result = await parseResult(response, "CopyObjectResult");
  const time = new Date(childText(result, "LastModified") ?? Number.NaN);
  const copied = childText(result, "ETag") ?? "";
  return xmlAnswer(resultXml("CopyObjectResult", toClientEtag(copied), time), answerHeaders(response));
}

async function copyThrough(call: ObjectCall, parts: Parts, source: CopySource, headers: Headers): Promise<XmlAnswer> {
  const { plainBytes } = source.stored;
  const tags = await tagsOf(call, parts, source);
  const { "x-amz-tagging-directive": _, ...passed } = headers;
  const whole = { start: 0, end: plainBytes - 1 };
  const response = await withCopySource(source, whole, { parts, signal: call.signal }, (plaintext) =>
    putSealed(call, parts, newObject(plainBytes), { ...passed, ...tags }, plaintext),
  );
  await drain(response);
  const { etag = "", ...rest } = answerHeaders(response);
  return xmlAnswer(resultXml("CopyObjectResult", etag, new Date()), { ...rest, ...versionHeaders(source) });
}

/** Headers of the new object: the source's or the request's, as the directive says. */
async function metadataOf({ headers }: ObjectCall, { response }: CopySource): Promise<Headers> {
  const { "x-amz-metadata-directive": directive = "COPY", ...own } = objectHeaders(headers);
  if (directive === "REPLACE") return own;
  if (directive !== "COPY") throw s3Errors.invalidArgument("Unknown metadata directive");
  const isMetadata = (name: string): boolean => COPIED_HEADERS.includes(name) || name.startsWith("x-amz-meta-");
  const kept = Object.entries(own).filter(([name]) => !isMetadata(name));
  const copied = Object.entries(answerHeaders(response)).filter(([name]) => isMetadata(name));
  return Object.fromEntries([...kept, ...copied]);
}

/** The tags that a copy by the store would have. */
async function tagsOf(call: ObjectCall, parts: Parts, { response, pinned }: CopySource): Promise<Headers> {
  if (call.headers["x-amz-tagging-directive"]?.toString() === "REPLACE") return {};
  if (Number(response.headers["x-amz-tagging-count"] ?? 0) === 0) return {};
  const version = pinned.versionId === undefined ? {} : { versionId: pinned.versionId };
  const request = { method: "GET", ...pinned.name, query: { tagging: "", ...version } };
  const { root } = parseXml(await readResponse(await sendToStore(parts, request, call.signal)));
  const tags = elements(root, "TagSet").flatMap((set) => elements(set, "Tag"));
  const pairs = tags.map(
    (tag) => `${uriEncode(childText(tag, "Key") ?? "")}=${uriEncode(childText(tag, "Value") ?? "")}`,
  );
  return { "x-amz-tagging": pairs.join("&") };
}

/** As S3 does; but an object whose key is under an earlier generation is changed: its key is wrapped anew. */
async function refuseCopyToItself(
  { bucket, key, headers }: ObjectCall,
  { pinned, stored }: CopySource,
  { keks }: Parts,
): Promise<void> {
  const { name, versionId } = pinned;
  const changes = ["x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-website-redirect-location"];
  const changed = headers["x-amz-metadata-directive"] === "REPLACE" || changes.some((header) => header in headers);
  if (name.bucket !== bucket || name.key !== key || versionId !== undefined || changed) return;
  if (stored.kind === "single" && stored.kekGeneration < (await keks.current()).generation) return;
  throw s3Errors.invalidRequest("This copy request is illegal: it copies an object to itself without a change");
}

function copyRange(text: string | undefined, plainBytes: number): { start: number; end: number } {
  if (text === undefined) return { start: 0, end: plainBytes - 1 };
  const [, first = "", last = ""] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (first === "" || end < start) {
    throw s3Errors.invalidArgument("The x-amz-copy-source-range value must be of the form bytes=first-last");
  }
  if (end < plainBytes) return { start, end };
  throw new S3Error(400, "InvalidArgument", `Range specified is not valid for source object of size: ${plainBytes}`);
}

function versionHeaders({ pinned, response }: CopySource): Headers {
  const version = pinned.versionId ?? response.headers["x-amz-version-id"]?.toString();
  return version === undefined ? {} : { "x-amz-copy-source-version-id": version };
}

function resultXml(name: string, etag: string, time: Date): string {
  const shown = Number.isNaN(time.getTime()) ? new Date() : time;
  return xmlDocument(name, textElement("ETag", etag) + textElement("LastModified", shown.toISOString()));
}
