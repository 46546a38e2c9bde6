import { ByteReader } from "../format/byte-reader.ts";
import { type ByteRange, type Layout, planRange } from "../format/layout.ts";
import { toStoreEtag } from "../http/etag.ts";
import { conditionHeaders, type Headers } from "../http/headers.ts";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import type { StoreResponse } from "../store/store.ts";
import { contentRange, parseByteRange } from "./byte-range.ts";
import {
  type Answer,
  answerBody,
  answerHeaders,
  nameOf,
  type ObjectCall,
  type Parts,
  passedQuery,
  sendToStore,
} from "./call.ts";
import {
  describeObject,
  layoutOf,
  leaderLayout,
  openPlan,
  openRange,
  pin,
  storedLength,
  type StoredObject,
  untilUnchanged,
} from "./stored-object.ts";

const RESPONSE_PARAMETERS = [
  "response-cache-control",
  "response-content-disposition",
  "response-content-encoding",
  "response-content-language",
  "response-content-type",
  "response-expires",
];

/** Query parameters of GET and HEAD of an object. */
export const READ_PARAMETERS = ["versionId", "partNumber", ...RESPONSE_PARAMETERS];

/** Gets an object or a range of it. Nothing is answered before the first chunk that is needed was found genuine. */
export async function getObject(call: ObjectCall, parts: Parts): Promise<Answer> {
  return isPartial(call) ? await untilUnchanged(() => getPartial(call, parts)) : await getWhole(call, parts);
}

/** Describes an object, with the size of its plaintext. */
export async function headObject(call: ObjectCall, parts: Parts): Promise<Answer> {
  const { response, stored, selection } = await untilUnchanged(() => lookAt(call, parts));
  const headers = { ...answerHeaders(response), ...sizeHeaders(selection, stored.plainBytes) };
  return { status: statusOf(selection), headers };
}

async function getWhole(call: ObjectCall, parts: Parts): Promise<Answer> {
  const { signal } = call;
  const response = await sendToStore(parts, readRequest("GET", call), signal);
  try {
    const sealedBytes = storedLength(response);
    const stored = await describeObject(response, nameOf(call), sealedBytes, parts);
    const headers = { ...answerHeaders(response), ...sizeHeaders({ kind: "whole" }, stored.plainBytes) };
    if (stored.kind === "plaintext") return { status: 200, headers, body: answerBody(response) };
    const reader = new ByteReader(answerBody(response));
    const layout =
      stored.kind === "single"
        ? await layoutOf(stored, pin(response, nameOf(call), sealedBytes), parts, signal)
        : await leaderLayout(reader, { name: nameOf(call), sealedBytes }, parts.keks, true);
    const plan = planRange(layout, { start: 0, end: layout.plainBytes - 1 });
    return { status: 200, headers, body: await openPlan(plan, reader, response) };
  } catch (error) {
    response.destroy();
    throw error;
  }
}

async function getPartial(call: ObjectCall, parts: Parts): Promise<Answer> {
  const { signal } = call;
  const { response: head, stored, layout, selection } = await lookAt(call, parts);
  const headers = { ...answerHeaders(head), ...sizeHeaders(selection, stored.plainBytes) };
  const range = selection.kind === "whole" ? { start: 0, end: stored.plainBytes - 1 } : selection.range;
  const sealedBytes = stored.kind === "plaintext" ? stored.plainBytes : stored.sealedBytes;
  const pinned = pin(head, nameOf(call), sealedBytes, call.query.get("versionId"));
  const extra = passedQuery(call, RESPONSE_PARAMETERS);
  const { response, body } = await openRange(pinned, layout, range, parts, signal, extra);
  return { status: statusOf(selection), headers: { ...headers, ...overridden(response, extra) }, body };
}

/** Which bytes of an object a call is about. */
type Selection =
  | { readonly kind: "whole" }
  | { readonly kind: "range"; readonly range: ByteRange }
  | { readonly kind: "part"; readonly range: ByteRange; readonly partCount: number };

interface Look {
  readonly response: StoreResponse;
  readonly stored: StoredObject;
  /** Undefined for plaintext, and where it was not needed. */
  readonly layout: Layout | undefined;
  readonly selection: Selection;
}

/** Asks the store for the object's head, and finds what of it is wanted. */
async function lookAt(call: ObjectCall, parts: Parts): Promise<Look> {
  const { signal, query } = call;
  validatePartNumber(query.get("partNumber"));
  const response = await sendToStore(parts, readRequest("HEAD", call), signal);
  response.resume();
  const sealedBytes = storedLength(response);
  const stored = await describeObject(response, nameOf(call), sealedBytes, parts);
  const needsLayout =
    stored.kind !== "plaintext" && isPartial(call) && (call.method === "GET" || query.has("partNumber"));
  const pinned = pin(response, nameOf(call), sealedBytes, query.get("versionId"));
  const layout = needsLayout ? await layoutOf(stored, pinned, parts, signal) : undefined;
  return { response, stored, layout, selection: select(call, stored, layout) };
}

function select({ query, headers }: ObjectCall, stored: StoredObject, layout: Layout | undefined): Selection {
  const partNumber = query.get("partNumber");
  if (partNumber !== undefined) {
    if (headers.range !== undefined) throw s3Errors.invalidRequest("Cannot specify both Range and partNumber");
    return selectPart(partNumber, stored, layout);
  }
  const range = parseByteRange(headers.range, stored.plainBytes);
  return range === undefined ? { kind: "whole" } : { kind: "range", range };
}

function selectPart(text: string, stored: StoredObject, layout: Layout | undefined): Selection {
  const number = Number(text);
  const segments = layout?.segments ?? [{ plainStart: 0, plainBytes: stored.plainBytes }];
  const segment = segments[number - 1];
  if (segment === undefined) {
    throw new S3Error(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
  }
  const { plainStart: start, plainBytes } = segment;
  if (stored.kind === "multipart" && plainBytes === 0) {
    throw new S3Error(416, "InvalidRange", "The requested part is empty: it has no range");
  }
  if (stored.kind !== "multipart") {
    return plainBytes === 0 ? { kind: "whole" } : { kind: "range", range: { start, end: plainBytes - 1 } };
  }
  return { kind: "part", range: { start, end: start + plainBytes - 1 }, partCount: segments.length };
}

function validatePartNumber(text: string | undefined): void {
  if (text === undefined || (/^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 10_000)) return;
  throw s3Errors.invalidArgument("Part number must be from 1 to 10000");
}

function isPartial({ headers, query }: ObjectCall): boolean {
  return query.has("partNumber") || (headers.range !== undefined && headers["if-range"] === undefined);
}

function readRequest(method: "GET" | "HEAD", call: ObjectCall) {
  const { bucket, key, headers } = call;
  const query = passedQuery(call, ["versionId", ...RESPONSE_PARAMETERS]);
  const passed = passedAmz(headers["x-amz-request-payer"], headers["x-amz-expected-bucket-owner"]);
  return { method, bucket, key, query, headers: { ...conditionHeaders(headers, toStoreEtag), ...passed } };
}

function passedAmz(payer: string | string[] | undefined, owner: string | string[] | undefined): Headers {
  return {
    ...(payer === undefined ? {} : { "x-amz-request-payer": payer.toString() }),
    ...(owner === undefined ? {} : { "x-amz-expected-bucket-owner": owner.toString() }),
  };
}

function sizeHeaders(selection: Selection, plainBytes: number): Headers {
  const common = { "accept-ranges": "bytes" };
  if (selection.kind === "whole") return { ...common, "content-length": `${plainBytes}` };
  const { range } = selection;
  const headers: Headers = { ...common, "content-length": `${range.end - range.start + 1}` };
  if (range.end >= range.start) headers["content-range"] = contentRange(range, plainBytes);
  if (selection.kind === "part") headers["x-amz-mp-parts-count"] = `${selection.partCount}`;
  return headers;
}

function statusOf(selection: Selection): number {
  return selection.kind === "whole" ? 200 : 206;
}

/** Headers that the query asked for otherwise: the store puts them into answers to GET, not to HEAD. */
function overridden(response: StoreResponse, extra: Readonly<Record<string, string>>): Headers {
  const names = new Set(Object.keys(extra).map((name) => name.slice("response-".length)));
  return Object.fromEntries(Object.entries(answerHeaders(response)).filter(([name]) => names.has(name)));
}
