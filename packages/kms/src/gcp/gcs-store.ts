import { base64, fromLatin1 } from "@constellation/bytes";
import { isObject } from "@constellation/json";
import type { KmsError } from "../error.ts";
import { answerError, call, type HttpAnswer, type HttpRequest, jsonOf, type ReadAnswer } from "../http/call.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { revealText } from "../http/text-secret.ts";
import type { TokenSource } from "../http/token-source.ts";
import { requireWholeBody } from "../store/body.ts";
import {
  endlessList,
  idsAmong,
  requireStoreBytes,
  requireStoreId,
  type WrappedKeyStore,
} from "../store/wrapped-key-store.ts";
import { crc32c } from "./crc32c.ts";
import { googleError } from "./google-error.ts";

/** A bucket of Google Cloud Storage. */
export interface GcsStoreOptions {
  readonly bucket: string;
  /** Before each name: empty, or ends with a slash. */
  readonly prefix: string;
  /** Origin of the service. */
  readonly endpoint: string;
  readonly token: TokenSource;
}

const MAX_PAGES = 1_000;

/** Cloud Storage (JSON API v1). That a name has no object yet is its own condition: `ifGenerationMatch=0`. */
export class GcsStore implements WrappedKeyStore {
  readonly #options: GcsStoreOptions;
  readonly #tools: Tools;

  constructor(options: GcsStoreOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  async get(id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    requireStoreId(id);
    const operation: Operation = { side: "store", name: "Get object of Google Cloud Storage" };
    const request = { method: "GET", url: `${this.#objectUrl(id)}?alt=media`, headers: {} } as const;
    return this.#call(operation, request, signal, (answer) => {
      if (isObjectMissing(answer)) return undefined;
      if (answer.status !== 200) throw errorOf(operation, answer);
      const body = requireWholeBody(operation, answer);
      requireHash(operation, answer.headers, body);
      return body;
    });
  }

  async putIfAbsent(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    requireStoreId(id);
    requireStoreBytes(bytes);
    const operation: Operation = { side: "store", name: "Put object into Google Cloud Storage" };
    const { endpoint, bucket, prefix } = this.#options;
    const query = new URLSearchParams({ uploadType: "media", name: prefix + id, ifGenerationMatch: "0" });
    const url = `${endpoint}/upload/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`;
    const headers = { "content-type": "application/octet-stream", "x-goog-hash": `crc32c=${hashOf(bytes)}` };
    return this.#call(operation, { method: "POST", url, headers, body: bytes }, signal, (answer) => {
      if (answer.status === 412) return false;
      if (answer.status !== 200) throw errorOf(operation, answer);
      const got = jsonOf(operation, answer)["crc32c"];
      if (got !== hashOf(bytes)) throw answerError(operation, "another checksum", "that of what was sent");
      return true;
    });
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    requireStoreId(id);
    const operation: Operation = { side: "store", name: "Delete object of Google Cloud Storage" };
    const request = { method: "DELETE", url: this.#objectUrl(id), headers: {} } as const;
    await this.#call(operation, request, signal, (answer) => {
      if (answer.status === 204 || isObjectMissing(answer)) return;
      throw errorOf(operation, answer);
    });
  }

  async list(prefix: string, signal: AbortSignal): Promise<readonly string[]> {
    const operation: Operation = { side: "store", name: "List objects of Google Cloud Storage" };
    const { endpoint, bucket, prefix: storePrefix } = this.#options;
    const names: string[] = [];
    let token = "";
    for (let page = 0; page < MAX_PAGES; page++) {
      const query = new URLSearchParams({ prefix: storePrefix + prefix, fields: "items(name),nextPageToken" });
      if (token !== "") query.set("pageToken", token);
      const url = `${endpoint}/storage/v1/b/${encodeURIComponent(bucket)}/o?${query.toString()}`;
      const found = await this.#call(operation, { method: "GET", url, headers: {} }, signal, (answer) => {
        if (answer.status !== 200) throw errorOf(operation, answer);
        return pageOf(operation, answer);
      });
      names.push(...found.names);
      if (found.next === "") return idsAmong(names, storePrefix, prefix);
      token = found.next;
    }
    throw endlessList(operation.name, MAX_PAGES);
  }

  #objectUrl(id: string): string {
    const { endpoint, bucket, prefix } = this.#options;
    return `${endpoint}/storage/v1/b/${encodeURIComponent(bucket)}/o/${encodeURIComponent(prefix + id)}`;
  }

  #call<T>(operation: Operation, request: HttpRequest, signal: AbortSignal, read: ReadAnswer<T>): Promise<T> {
    const make = async (attempt: AbortSignal) => {
      const authorization = `Bearer ${revealText(await this.#options.token(attempt))}`;
      return { ...request, headers: { ...request.headers, authorization } };
    };
    return call(operation, this.#tools, signal, make, read);
  }
}

function pageOf(operation: Operation, answer: HttpAnswer): { names: string[]; next: string } {
  const { items = [], nextPageToken = "" } = jsonOf(operation, answer);
  if (!Array.isArray(items) || typeof nextPageToken !== "string") throw answerError(operation, "no list", "one");
  const names = items.map((item: unknown) => (isObject(item) ? item["name"] : undefined));
  return { names: names.filter((name) => typeof name === "string"), next: nextPageToken };
}

/**
 * An object that is not there is told in words alone, as text or JSON. So is an object of a bucket that is not there: a
 * missing bucket shows when something is put or listed.
 */
function isObjectMissing({ status, body }: HttpAnswer): boolean {
  return status === 404 && fromLatin1(body).includes("No such object");
}

function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  return googleError(operation, answer, {});
}

/** base64 of the checksum, first byte first. */
function hashOf(bytes: Uint8Array): string {
  const crc = crc32c(bytes);
  return base64(Uint8Array.of(crc >>> 24, crc >>> 16, crc >>> 8, crc));
}

function requireHash(operation: Operation, headers: Headers, body: Uint8Array): void {
  const [, hash] = /(?:^|,)\s*crc32c=([A-Za-z0-9+/=]+)/.exec(headers.get("x-goog-hash") ?? "") ?? [];
  if (hash === hashOf(body)) return;
  throw answerError(operation, `checksum ${quotedOrNone(hash)}`, `"${hashOf(body)}"`);
}

function quotedOrNone(text: string | undefined): string {
  return text === undefined ? "none" : JSON.stringify(text);
}
