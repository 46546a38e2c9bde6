import { childText, type Element, elements } from "@constellation/xml";
import { uploadDigest, uploadKey } from "../format/keys.ts";
import { leaderBytes, type ManifestPart, sealLeader } from "../format/manifest.ts";
import { MULTIPART_HEADER } from "../format/object-header.ts";
import { MAX_PARTS, newPart, partHeader, partSegment } from "../format/part.ts";
import { sealSegment } from "../format/segment.ts";
import { MIN_PART_BYTES, plainPartLength, sealedPartLength } from "../format/sizes.ts";
import { readSmallBody } from "../body/request-body.ts";
import { parsePartEtag, partEtag, toClientEtag, toStoreEtag } from "../http/etag.ts";
import { conditionHeaders, HEADER_METADATA, objectHeaders, plainHeaders } from "../http/headers.ts";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import { parseClientXml, textElement, xmlDocument } from "../http/xml.ts";
import {
  type Answer,
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
import { listStoreParts } from "./list-parts.ts";
import { checksumHeaders } from "./put-object.ts";
import { parseResult } from "./result.ts";

const MAX_COMPLETE_BYTES = 4_194_304;
/** S3's own bound, 5 GiB; without one a made-up ETag could ask for any amount of padding. */
const MAX_PART_BYTES = 5_368_709_120;

/** Begins a multipart upload. */
export async function createMultipartUpload(call: ObjectCall, parts: Parts): Promise<Answer> {
  const { bucket, key, headers, signal } = call;
  const request = {
    method: "POST",
    bucket,
    key,
    query: { uploads: "" },
    headers: { ...objectHeaders(headers), [HEADER_METADATA]: MULTIPART_HEADER },
  };
  const response = await sendToStore(parts, request, signal);
  const text = (await readResponse(response)).toString("utf8");
  const algorithm = headers["x-amz-checksum-algorithm"]?.toString();
  const said = algorithm === undefined ? {} : { "x-amz-checksum-algorithm": algorithm };
  return xmlAnswer(text, { ...answerHeaders(response), ...said });
}

/** Stores a part; any order, and many at a time. */
export async function uploadPart(call: ObjectCall, parts: Parts): Promise<Answer> {
  const { etag, headers } = await sealPart(call, parts, call.body.lengthBytes, call.body.read());
  return { status: 200, headers: { ...headers, ...checksumHeaders(call), etag } };
}

/** Encrypts a source and stores it as a part; gives the part's ETag for clients. */
export async function sealPart(
  call: ObjectCall,
  parts: Parts,
  plainBytes: number,
  source: AsyncIterable<Uint8Array>,
): Promise<{ readonly etag: string; readonly headers: Answer["headers"] }> {
  const { bucket, key, signal } = call;
  const uploadId = uploadIdOf(call);
  const partNumber = partNumberOf(call);
  const { generation, key: kek } = await parts.keks.current();
  const identity = newPart(generation);
  const objectKey = uploadKey(kek, uploadDigest(uploadId), nameOf(call));
  const segment = partSegment(objectKey, identity, partNumber, plainBytes);
  const sealed = async function* () {
    yield partHeader(identity);
    yield* sealSegment(source, segment);
  };
  const request = {
    method: "PUT",
    bucket,
    key,
    query: { partNumber: `${storePartNumber(partNumber)}`, uploadId },
    body: { lengthBytes: sealedPartLength(plainBytes), source: sealed() },
  };
  const response = await sendToStore(parts, request, signal);
  await drain(response);
  const storeEtag = response.headers.etag;
  if (storeEtag === undefined) throw new S3Error(502, "BadGateway", "The store's answer has no ETag");
  return { etag: partEtag({ storeEtag, plainBytes, identity }), headers: answerHeaders(response) };
}

/** Ends an upload: its parts, in their order and no others, go into a manifest that only the cluster can write. */
export async function completeMultipartUpload(call: ObjectCall, parts: Parts): Promise<XmlAnswer> {
  const { bucket, key, headers, signal } = call;
  const uploadId = uploadIdOf(call);
  refuseWholeChecksum(call);
  const root = parseClientXml(await readSmallBody(call.body, MAX_COMPLETE_BYTES), "CompleteMultipartUpload");
  const completed = await resolveParts(elements(root, "Part").map(readPart), call, parts);
  requireParts(completed);
  requireObjectSize(headers["x-amz-mp-object-size"]?.toString(), completed);
  const leader = await sealLeader(
    uploadId,
    nameOf(call),
    completed.map(({ part }) => part),
    parts.keks,
  );
  const leaderPart = await sendToStore(
    parts,
    {
      method: "PUT",
      bucket,
      key,
      query: { partNumber: "1", uploadId },
      body: { lengthBytes: leader.lengthBytes, source: asyncIterable(leaderBytes(leader)) },
    },
    signal,
  );
  await drain(leaderPart);
  const stored = [
    { number: 1, etag: leaderPart.headers.etag ?? "" },
    ...completed.map(({ part, storeEtag }) => ({ number: storePartNumber(part.partNumber), etag: storeEtag })),
  ];
  const request = {
    method: "POST",
    bucket,
    key,
    query: { uploadId },
    headers: { ...plainHeaders(headers), ...conditionHeaders(headers, toStoreEtag), "content-type": "application/xml" },
    body: Buffer.from(completeXml(stored)),
  };
  const response = await sendToStore(parts, request, signal);
  const result = await parseResult(response, "CompleteMultipartUploadResult");
  const etag = childText(result, "ETag") ?? "";
  const content =
    textElement("Location", `/${bucket}/${key}`) +
    textElement("Bucket", bucket) +
    textElement("Key", key) +
    textElement("ETag", toClientEtag(etag));
  return xmlAnswer(xmlDocument("CompleteMultipartUploadResult", content), answerHeaders(response));
}

/** @throws S3Error */
function partNumberOf({ query }: ObjectCall): number {
  const text = query.get("partNumber") ?? "";
  const number = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= MAX_PARTS) return number;
  throw s3Errors.invalidArgument(`Part number must be an integer between 1 and ${MAX_PARTS}, inclusive`);
}

/** The store's number of a part: its first one is the leader. */
function storePartNumber(partNumber: number): number {
  return partNumber + 1;
}

/** @throws S3Error */
function uploadIdOf({ query }: ObjectCall): string {
  const uploadId = query.get("uploadId") ?? "";
  if (uploadId !== "" && uploadId.length <= 1_024) return uploadId;
  throw new S3Error(404, "NoSuchUpload", "The specified multipart upload does not exist");
}

/** A part as the client names it. */
interface NamedPart {
  readonly partNumber: number;
  readonly etag: string;
}

interface CompletedPart {
  readonly part: ManifestPart;
  readonly storeEtag: string;
}

function readPart(element: Element): NamedPart {
  const number = childText(element, "PartNumber") ?? "";
  const etag = childText(element, "ETag");
  if (!/^[1-9][0-9]{0,4}$/.test(number) || Number(number) > MAX_PARTS || etag === undefined || etag.length > 256) {
    throw s3Errors.malformedXml("The XML you provided was not well-formed or did not validate");
  }
  return { partNumber: Number(number), etag };
}

/** Finds length and identity of each part: in its ETag, or (if the client has that from ListParts) at the store. */
async function resolveParts(named: readonly NamedPart[], call: ObjectCall, parts: Parts): Promise<CompletedPart[]> {
  const tokens = named.map(({ etag }) => parsePartEtag(etag));
  const listed = tokens.includes(undefined) ? await listStoreParts(call, parts) : undefined;
  return named.map(({ partNumber, etag }, index) => {
    const token = tokens[index];
    if (token !== undefined && token.plainBytes <= MAX_PART_BYTES) {
      const { plainBytes, identity, storeEtag } = token;
      return { part: { partNumber, plainBytes, identity }, storeEtag };
    }
    const found = listed?.get(storePartNumber(partNumber));
    const plainBytes = found === undefined ? undefined : plainPartLength(found.sizeBytes);
    if (found === undefined || plainBytes === undefined || unquoted(found.etag) !== unquoted(toStoreEtag(etag))) {
      throw new S3Error(400, "InvalidPart", `Part ${partNumber} could not be found, or its ETag is not the one given`);
    }
    return { part: { partNumber, plainBytes, identity: undefined }, storeEtag: found.etag };
  });
}

function requireParts(completed: readonly CompletedPart[]): void {
  if (completed.length === 0) throw s3Errors.malformedXml("You must specify at least one part");
  for (const [index, { part }] of completed.entries()) {
    if (part.partNumber > (completed[index - 1]?.part.partNumber ?? 0)) continue;
    throw new S3Error(400, "InvalidPartOrder", "The list of parts was not in ascending order");
  }
  const small = completed.slice(0, -1).find(({ part }) => part.plainBytes < MIN_PART_BYTES)?.part;
  if (small === undefined) return;
  const message = `Part ${small.partNumber} has ${small.plainBytes} bytes: all but the last need ${MIN_PART_BYTES}`;
  throw new S3Error(400, "EntityTooSmall", message);
}

/** The size that a client expects is the plaintext's, which the store does not know. @throws S3Error */
function requireObjectSize(wanted: string | undefined, completed: readonly CompletedPart[]): void {
  const size = completed.reduce((sum, { part }) => sum + part.plainBytes, 0);
  if (wanted === undefined || wanted === `${size}`) return;
  throw s3Errors.invalidRequest(`x-amz-mp-object-size: got parts of ${size} bytes, wanted ${wanted.slice(0, 32)}`);
}

/** A checksum over the whole object can't be checked here: the parts are gone. One that can't be checked is refused. */
function refuseWholeChecksum({ headers }: ObjectCall): void {
  if (headers["x-amz-checksum-type"]?.toString().toUpperCase() === "FULL_OBJECT") {
    throw s3Errors.notImplemented("A checksum of the whole object at the end of a multipart upload");
  }
}

function completeXml(parts: readonly { readonly number: number; readonly etag: string }[]): string {
  const content = parts.map(
    ({ number, etag }) => `<Part>${textElement("PartNumber", `${number}`)}${textElement("ETag", etag)}</Part>`,
  );
  return xmlDocument("CompleteMultipartUpload", content.join(""));
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, "$1");
}

async function* asyncIterable<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
