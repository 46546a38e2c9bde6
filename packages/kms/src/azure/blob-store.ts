import type { KmsError } from "../error.ts";
import { call, type HttpAnswer, type HttpRequest, type ReadAnswer, statusError } from "../http/call.ts";
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
import { AZURE_LIST, errorCodeOf, listPage } from "../store/xml.ts";

/** A container of Azure Blob Storage. */
export interface BlobStoreOptions {
  /** Address of the container, without a slash at its end. */
  readonly containerUrl: string;
  /** Before each name: empty, or ends with a slash. */
  readonly prefix: string;
  readonly token: TokenSource;
}

const VERSION = "2021-12-02";
const MAX_PAGES = 1_000;

/** Azure Blob Storage (REST API 2021-12-02). That a name has no blob yet is its own condition: `If-None-Match: *`. */
export class BlobStore implements WrappedKeyStore {
  readonly #options: BlobStoreOptions;
  readonly #tools: Tools;

  constructor(options: BlobStoreOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  get(id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#blob("Get Azure blob", "GET", id, {}, signal, (operation) => (answer) => {
      if (answer.status === 200) return requireWholeBody(operation, answer);
      if (answer.status === 404 && errorCodeOf(answer) === "BlobNotFound") return undefined;
      throw errorOf(operation, answer);
    });
  }

  async putIfAbsent(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    requireStoreBytes(bytes);
    const headers = {
      "if-none-match": "*",
      "x-ms-blob-type": "BlockBlob",
      "content-type": "application/octet-stream",
    };
    return this.#blob("Put Azure blob", "PUT", id, { headers, body: bytes }, signal, (operation) => (answer) => {
      if (answer.status === 201) return true;
      if (answer.status === 412 || (answer.status === 409 && errorCodeOf(answer) === "BlobAlreadyExists")) return false;
      throw errorOf(operation, answer);
    });
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#blob("Delete Azure blob", "DELETE", id, {}, signal, (operation) => (answer) => {
      if (answer.status === 202) return;
      if (answer.status === 404 && errorCodeOf(answer) === "BlobNotFound") return;
      throw errorOf(operation, answer);
    });
  }

  async list(prefix: string, signal: AbortSignal): Promise<readonly string[]> {
    const operation: Operation = { side: "store", name: "List Azure blobs" };
    const names: string[] = [];
    let marker = "";
    for (let page = 0; page < MAX_PAGES; page++) {
      const query = new URLSearchParams({ restype: "container", comp: "list", prefix: this.#options.prefix + prefix });
      if (marker !== "") query.set("marker", marker);
      const request = { method: "GET", url: `${this.#options.containerUrl}?${query.toString()}`, headers: {} } as const;
      const found = await this.#call(operation, request, signal, (answer) => {
        if (answer.status !== 200) throw errorOf(operation, answer);
        return listPage(operation, answer.body, AZURE_LIST);
      });
      names.push(...found.names);
      if (found.next === undefined) return idsAmong(names, this.#options.prefix, prefix);
      marker = found.next;
    }
    throw endlessList(operation.name, MAX_PAGES);
  }

  async #blob<T>(
    name: string,
    method: HttpRequest["method"],
    id: string,
    content: { readonly headers?: Record<string, string>; readonly body?: Uint8Array },
    signal: AbortSignal,
    read: (operation: Operation) => ReadAnswer<T>,
  ): Promise<T> {
    requireStoreId(id);
    const operation: Operation = { side: "store", name };
    const path = (this.#options.prefix + id).split("/").map(encodeURIComponent).join("/");
    const request = { headers: {}, ...content, method, url: `${this.#options.containerUrl}/${path}` };
    return this.#call(operation, request, signal, read(operation));
  }

  #call<T>(operation: Operation, request: HttpRequest, signal: AbortSignal, read: ReadAnswer<T>): Promise<T> {
    const make = async (attempt: AbortSignal) => {
      const authorization = `Bearer ${revealText(await this.#options.token(attempt))}`;
      return { ...request, headers: { ...request.headers, authorization, "x-ms-version": VERSION } };
    };
    return call(operation, this.#tools, signal, make, read);
  }
}

function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  return statusError(operation, answer, errorCodeOf(answer));
}
