import type { KmsError } from "../error.ts";
import { call, type HttpAnswer, type HttpRequest, type ReadAnswer, statusError } from "../http/call.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { requireWholeBody } from "../store/body.ts";
import {
  endlessList,
  idsAmong,
  requireStoreBytes,
  requireStoreId,
  type WrappedKeyStore,
} from "../store/wrapped-key-store.ts";
import { errorCodeOf, listPage, S3_LIST } from "../store/xml.ts";
import type { AwsCredentialSource } from "./credentials.ts";
import { encodeUri, signed } from "./sigv4.ts";

/** A bucket of S3 or of a store that speaks its protocol. */
export interface S3StoreOptions {
  readonly region: string;
  readonly bucket: string;
  /** Before each name: empty, or ends with a slash. */
  readonly prefix: string;
  /** Address of the bucket, without a slash at its end. */
  readonly bucketUrl: string;
  readonly credentials: AwsCredentialSource;
}

const MAX_PAGES = 1_000;

/** S3 (API reference 2006-03-01). That a name has no object yet is S3's own condition: `If-None-Match: *`. */
export class S3Store implements WrappedKeyStore {
  readonly #options: S3StoreOptions;
  readonly #tools: Tools;

  constructor(options: S3StoreOptions, tools: Tools) {
    this.#options = options;
    this.#tools = tools;
  }

  get(id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#object("Get object from S3", "GET", id, {}, signal, (operation) => (answer) => {
      if (answer.status === 200) return requireWholeBody(operation, answer);
      if (answer.status === 404 && errorCodeOf(answer) === "NoSuchKey") return undefined;
      throw errorOf(operation, answer);
    });
  }

  async putIfAbsent(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    requireStoreBytes(bytes);
    const headers = { "if-none-match": "*", "content-type": "application/octet-stream" };
    return this.#object("Put object into S3", "PUT", id, { headers, body: bytes }, signal, (operation) => (answer) => {
      if (answer.status === 200) return true;
      if (answer.status === 412) return false;
      throw errorOf(operation, answer);
    });
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#object("Delete object from S3", "DELETE", id, {}, signal, (operation) => (answer) => {
      if (answer.status === 204 || answer.status === 200) return;
      if (answer.status === 404 && errorCodeOf(answer) === "NoSuchKey") return;
      throw errorOf(operation, answer);
    });
  }

  async list(prefix: string, signal: AbortSignal): Promise<readonly string[]> {
    const operation: Operation = { side: "store", name: "List objects of S3" };
    const names: string[] = [];
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const query = [
        ...(token === undefined ? [] : [`continuation-token=${encodeUri(token)}`]),
        "list-type=2",
        `prefix=${encodeUri(this.#options.prefix + prefix)}`,
      ].join("&");
      const request = { method: "GET", url: `${this.#options.bucketUrl}/?${query}`, headers: {} } as const;
      const found = await this.#call(operation, request, signal, (answer) => {
        if (answer.status !== 200) throw errorOf(operation, answer);
        return listPage(operation, answer.body, S3_LIST);
      });
      names.push(...found.names);
      token = found.next;
      if (token === undefined) return idsAmong(names, this.#options.prefix, prefix);
    }
    throw endlessList(operation.name, MAX_PAGES);
  }

  async #object<T>(
    name: string,
    method: HttpRequest["method"],
    id: string,
    content: { readonly headers?: Record<string, string>; readonly body?: Uint8Array },
    signal: AbortSignal,
    read: (operation: Operation) => ReadAnswer<T>,
  ): Promise<T> {
    requireStoreId(id);
    const operation: Operation = { side: "store", name };
    const path = (this.#options.prefix + id).split("/").map(encodeUri).join("/");
    const request = { headers: {}, ...content, method, url: `${this.#options.bucketUrl}/${path}` };
    return this.#call(operation, request, signal, read(operation));
  }

  #call<T>(operation: Operation, request: HttpRequest, signal: AbortSignal, read: ReadAnswer<T>): Promise<T> {
    const { region, credentials } = this.#options;
    const make = async (attempt: AbortSignal) =>
      signed(request, { region, service: "s3" }, await credentials(attempt), this.#tools.now());
    return call(operation, this.#tools, signal, make, read);
  }
}

/** 409 is a write by another at the same time ("ConditionalRequestConflict"): trying again tells who was first. */
function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  return statusError(operation, answer.status === 409 ? { ...answer, status: 503 } : answer, errorCodeOf(answer));
}
