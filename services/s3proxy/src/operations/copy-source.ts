import { conditionHeaders } from "../http/headers.ts";
import { toStoreEtag } from "../http/etag.ts";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import { validateBucket, validateKey } from "../http/target.ts";
import type { StoreResponse } from "../store/store.ts";
import { type ObjectCall, type Parts, sendToStore } from "./call.ts";
import {
  describeObject,
  layoutOf,
  openRange,
  pin,
  type PinnedObject,
  storedLength,
  type StoredObject,
} from "./stored-object.ts";
import type { ByteRange } from "../format/layout.ts";

/** What is copied from, as the store has it now. */
export interface CopySource {
  readonly response: StoreResponse;
  readonly stored: StoredObject;
  readonly pinned: PinnedObject;
}

/** Finds the source of a copy and checks that it is genuine. @throws S3Error */
export async function findCopySource(call: ObjectCall, parts: Parts): Promise<CopySource> {
  const { signal } = call;
  const { bucket, key, versionId } = parseCopySource(call.headers["x-amz-copy-source"]?.toString() ?? "");
  const query: Record<string, string> = versionId === undefined ? {} : { versionId };
  const request = { method: "HEAD", bucket, key, query, headers: sourceConditions(call) };
  const response = await sendToStore(parts, request, signal).catch(asCopyError);
  response.resume();
  const name = { bucket, key };
  const sealedBytes = storedLength(response);
  const stored = await describeObject(response, name, sealedBytes, parts);
  return { response, stored, pinned: pin(response, name, sealedBytes, versionId) };
}

/** Reads the plaintext of a source for something. Where that fails, the store's answer is not left open. */
export async function withCopySource<T>(
  { stored, pinned }: CopySource,
  range: ByteRange,
  { parts, signal }: { readonly parts: Parts; readonly signal: AbortSignal },
  use: (plaintext: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  if (stored.kind === "plaintext" && stored.plainBytes === 0) return await use((async function* () {})());
  const layout = stored.kind === "plaintext" ? undefined : await layoutOf(stored, pinned, parts, signal);
  const { response, body } = await openRange(pinned, layout, range, parts, signal);
  try {
    return await use(body);
  } catch (error) {
    response.destroy();
    throw error;
  }
}

/** Parses `[/]bucket/key[?versionId=...]`, percent-encoded. */
function parseCopySource(text: string): { bucket: string; key: string; versionId: string | undefined } {
  const [, rawPath = "", rawVersion] = /^\/?([^?]*)(?:\?versionId=([^&]*))?$/.exec(text) ?? [];
  try {
    const path = decodeURIComponent(rawPath.replaceAll("+", "%20"));
    const slash = path.indexOf("/");
    const [bucket, key] = [path.slice(0, Math.max(slash, 0)), path.slice(slash + 1)];
    validateBucket(bucket);
    validateKey(key);
    if (key !== "")
      return { bucket, key, versionId: rawVersion === undefined ? undefined : decodeURIComponent(rawVersion) };
  } catch (error) {
    if (error instanceof S3Error) throw error;
  }
  throw s3Errors.invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
}

function sourceConditions({ headers }: ObjectCall): Record<string, string> {
  const prefix = "x-amz-copy-source-if-";
  const named = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
  return conditionHeaders(
    Object.fromEntries(named.map(([name, value]) => [`if-${name.slice(prefix.length)}`, value])),
    toStoreEtag,
  );
}

function asCopyError(error: unknown): never {
  if (error instanceof S3Error && (error.status === 304 || error.status === 412)) {
    throw new S3Error(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold");
  }
  if (error instanceof S3Error && error.status === 404) {
    throw new S3Error(404, "NoSuchKey", "The specified key does not exist.");
  }
  throw error;
}
