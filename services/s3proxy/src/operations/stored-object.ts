import { ByteReader } from "../format/byte-reader.ts";
import { FormatError } from "../format/error.ts";
import type { KekSource, ObjectName } from "../format/keys.ts";
import {
  type ByteRange,
  headerNeeded,
  type Layout,
  multipartLayout,
  planRange,
  type RangePlan,
  singleLayout,
} from "../format/layout.ts";
import { leaderReadBytes, openLeader } from "../format/manifest.ts";
import { parseObjectHeader, type SingleObject, unwrapObject } from "../format/object-header.ts";
import { multipartPlainLength, sealedLength } from "../format/sizes.ts";
import { HEADER_METADATA } from "../http/headers.ts";
import { S3Error } from "../http/s3-error.ts";
import type { StoreResponse } from "../store/store.ts";
import { answerBody, type Parts, readResponse, sendToStore } from "./call.ts";

/** An object as the store's answer to GET or HEAD describes it. */
export type StoredObject =
  | {
      readonly kind: "single";
      readonly object: SingleObject;
      /** Generation of the KEK that its key is wrapped under. */
      readonly kekGeneration: number;
      readonly plainBytes: number;
      readonly sealedBytes: number;
    }
  | { readonly kind: "multipart"; readonly plainBytes: number; readonly sealedBytes: number }
  | { readonly kind: "plaintext"; readonly plainBytes: number };

/** An object and the exact version of it that further reads must find. */
export interface PinnedObject {
  readonly name: ObjectName;
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly sealedBytes: number;
}

/**
 * Looks at an object's metadata and length: is it ours, of this place, and of a length that it can have? What is not
 * encrypted is refused unless that was allowed.
 * @param sealedBytes length of the whole object in the store
 * @throws FormatError; S3Error for plaintext
 */
export async function describeObject(
  response: StoreResponse,
  name: ObjectName,
  sealedBytes: number,
  parts: Parts,
): Promise<StoredObject> {
  const text = response.headers[HEADER_METADATA]?.toString();
  if (text === undefined) return describePlaintext(sealedBytes, parts);
  const header = parseObjectHeader(text);
  if (header.kind === "multipart") {
    const plainBytes = multipartPlainLength(sealedBytes);
    if (plainBytes === undefined) throw impossible(sealedBytes, "that of a multipart object");
    return { kind: "multipart", plainBytes, sealedBytes };
  }
  const object = await unwrapObject(header, name, parts.keks);
  const { plainBytes } = object;
  if (sealedLength(plainBytes) !== sealedBytes) throw impossible(sealedBytes, `${sealedLength(plainBytes)}`);
  return { kind: "single", object, kekGeneration: header.kekGeneration, plainBytes, sealedBytes };
}

/** Finds the layout of an encrypted object; for a multipart one by reading the beginning of its leader. */
export async function layoutOf(
  stored: Exclude<StoredObject, { kind: "plaintext" }>,
  pinned: PinnedObject,
  parts: Parts,
  signal: AbortSignal,
): Promise<Layout> {
  if (stored.kind === "single") return singleLayout(stored.object, stored.sealedBytes);
  const end = leaderReadBytes(stored.plainBytes) - 1;
  const response = await getStored(pinned, { start: 0, end }, parts, signal);
  const leader = await readResponse(response, end + 1);
  return await leaderLayout(new ByteReader(onePiece(leader)), pinned, parts.keks, false);
}

/** Reads a leader and gives the layout; with `skip` the reader stands at the first part after it. */
export async function leaderLayout(
  reader: ByteReader,
  { name, sealedBytes }: Pick<PinnedObject, "name" | "sealedBytes">,
  keks: KekSource,
  skip: boolean,
): Promise<Layout> {
  const { manifest, readBytes } = await openLeader(reader, name, sealedBytes, keks);
  if (skip) await reader.skip(manifest.leaderBytes - readBytes);
  return multipartLayout(manifest, sealedBytes);
}

/** How often an object that was replaced under a read is looked at before that is an error. */
const MAX_LOOKS = 3;

/** An object was replaced between the look at it and the read of what was seen. Its client made no such condition. */
class ObjectChanged extends S3Error {
  constructor(cause: S3Error) {
    super(503, "ServiceUnavailable", "The object was replaced while it was read", { cause });
  }
}

/** Runs a read or a copy anew when the object was replaced under it. @throws ObjectChanged */
export async function untilUnchanged<T>(read: () => Promise<T>): Promise<T> {
  for (let looks = 1; ; looks += 1) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ObjectChanged) || looks === MAX_LOOKS) throw error;
    }
  }
}

/** Gets stored bytes of exactly the version that was described. @throws ObjectChanged */
async function getStored(
  { name, etag, versionId }: PinnedObject,
  range: ByteRange,
  parts: Parts,
  signal: AbortSignal,
  query: Readonly<Record<string, string>> = {},
): Promise<StoreResponse> {
  const response = await sendToStore(
    parts,
    {
      method: "GET",
      ...name,
      query: { ...query, ...(versionId === undefined ? {} : { versionId }) },
      headers: { "if-match": etag, range: `bytes=${range.start}-${range.end}` },
    },
    signal,
  ).catch(asChange);
  if (response.statusCode === 206) return response;
  response.destroy();
  throw new S3Error(502, "BadGateway", `The store answered ${response.statusCode} to a range, wanted 206`);
}

/** The condition that failed is our own: those of clients were looked at with the object's head. */
export function asChange(error: unknown): never {
  throw error instanceof S3Error && error.status === 412 ? new ObjectChanged(error) : error;
}

/** Plaintext of a range, and the answer of the store that it comes from. */
export interface OpenedRange {
  readonly response: StoreResponse;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Opens a range of an object. The first chunk that is needed has been found genuine when this returns.
 * @param layout of the object; undefined for plaintext
 */
export async function openRange(
  pinned: PinnedObject,
  layout: Layout | undefined,
  range: ByteRange,
  parts: Parts,
  signal: AbortSignal,
  query: Readonly<Record<string, string>> = {},
): Promise<OpenedRange> {
  if (layout === undefined) {
    const response = await getStored(pinned, range, parts, signal, query);
    return { response, body: answerBody(response) };
  }
  const wanted = headerNeeded(layout, range);
  const firstHeader = wanted === undefined ? undefined : await readStored(pinned, wanted, parts, signal);
  const plan = planRange(layout, range, firstHeader);
  const response = await getStored(pinned, plan.stored, parts, signal, query);
  return { response, body: await openPlan(plan, new ByteReader(answerBody(response)), response) };
}

/** Opens a plan and waits for its first chunk: a refusal can then still be an answer. */
export async function openPlan(
  plan: RangePlan,
  reader: ByteReader,
  response: StoreResponse,
): Promise<AsyncIterable<Uint8Array>> {
  const chunks = plan.open(reader);
  try {
    return resumed(await chunks.next(), chunks);
  } catch (error) {
    response.destroy();
    throw error;
  }
}

async function* resumed(first: IteratorResult<Buffer, void>, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (first.done !== true) yield first.value;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function readStored(pinned: PinnedObject, range: ByteRange, parts: Parts, signal: AbortSignal): Promise<Buffer> {
  const bytes = range.end - range.start + 1;
  const read = await readResponse(await getStored(pinned, range, parts, signal), bytes);
  return await new ByteReader(onePiece(read)).read(bytes);
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The length that the store says an object has: of all of it, also in an answer to a range. */
export function storedLength(response: StoreResponse): number {
  const length = Number(response.headers["content-length"]);
  if (Number.isSafeInteger(length)) return length;
  throw new S3Error(502, "BadGateway", "The store's answer has no length");
}

/** Pins what an answer describes. */
export function pin(response: StoreResponse, name: ObjectName, sealedBytes: number, versionId?: string): PinnedObject {
  const { etag } = response.headers;
  if (etag === undefined) throw new S3Error(502, "BadGateway", "The store's answer has no ETag");
  return { name, etag, versionId, sealedBytes };
}

function describePlaintext(plainBytes: number, { allowPlaintextReads }: Parts): StoredObject {
  if (allowPlaintextReads) return { kind: "plaintext", plainBytes };
  throw new FormatError(
    "header_malformed",
    "Open object failed: it is not encrypted, and reading such was not allowed",
  );
}

function impossible(got: number, wanted: string): FormatError {
  return new FormatError("size_impossible", `Open object failed: got ${got} stored bytes, wanted ${wanted}`);
}
