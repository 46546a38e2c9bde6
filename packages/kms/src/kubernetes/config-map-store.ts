import { createHash } from "node:crypto";
import { base64, BytesError, fromBase64 } from "@constellation/bytes";
import type { ConfigMap, KubeApi } from "@constellation/kube/in-cluster";
import { KubeError } from "@constellation/kube/in-cluster";
import { KmsError, type KmsErrorCode, quoted } from "../error.ts";
import { type Operation, retried } from "../http/retry.ts";
import type { Tools } from "../http/fetch.ts";
import {
  idsAmong,
  MAX_WRAPPED_BYTES,
  requireStoreBytes,
  requireStoreId,
  type WrappedKeyStore,
} from "../store/wrapped-key-store.ts";

/** Calls to the API server that the store makes. */
export type ConfigMapApi = Pick<KubeApi, "getConfigMap" | "createConfigMap" | "listConfigMaps" | "deleteConfigMap">;

const LABEL = "constellation.edgeless.systems/wrapped-key";
const DATA_KEY = "wrapped-key";
const ID_ANNOTATION = "constellation.edgeless.systems/wrapped-key-id";

/**
 * Wrapped keys in the cluster itself, a ConfigMap for each: they are no secrets, and who reads them needs no right to
 * read Secrets. An ID is no name of an object, so its digest is, and the ID stands in an annotation.
 */
export class ConfigMapStore implements WrappedKeyStore {
  readonly #api: ConfigMapApi;
  readonly #namespace: string;
  readonly #tools: Tools;

  constructor(api: ConfigMapApi, namespace: string, tools: Tools) {
    this.#api = api;
    this.#namespace = namespace;
    this.#tools = tools;
  }

  async get(id: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    requireStoreId(id);
    const operation = operationOf("Get wrapped key from Kubernetes");
    return this.#run(operation, signal, async (attempt) => {
      try {
        return bytesOf(operation, await this.#api.getConfigMap(this.#namespace, nameOf(id), attempt), id);
      } catch (error) {
        if (error instanceof KubeError && error.code === "not_found") return undefined;
        throw error;
      }
    });
  }

  async putIfAbsent(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    requireStoreId(id);
    requireStoreBytes(bytes);
    const configMap: ConfigMap = {
      metadata: { name: nameOf(id), labels: { [LABEL]: "v1" }, annotations: { [ID_ANNOTATION]: id } },
      binaryData: { [DATA_KEY]: base64(bytes) },
      immutable: true,
    };
    return this.#run(operationOf("Put wrapped key into Kubernetes"), signal, async (attempt) => {
      try {
        await this.#api.createConfigMap(this.#namespace, configMap, attempt);
        return true;
      } catch (error) {
        if (error instanceof KubeError && error.code === "already_exists") return false;
        throw error;
      }
    });
  }

  async list(prefix: string, signal: AbortSignal): Promise<readonly string[]> {
    const listed = await this.#run(operationOf("List wrapped keys of Kubernetes"), signal, (attempt) =>
      this.#api.listConfigMaps(this.#namespace, `${LABEL}=v1`, attempt),
    );
    const ids = listed.map(({ metadata }) => metadata.annotations?.[ID_ANNOTATION] ?? "");
    return idsAmong(ids, "", prefix);
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    requireStoreId(id);
    await this.#run(operationOf("Delete wrapped key of Kubernetes"), signal, async (attempt) => {
      try {
        await this.#api.deleteConfigMap(this.#namespace, nameOf(id), attempt);
      } catch (error) {
        if (!(error instanceof KubeError) || error.code !== "not_found") throw error;
      }
    });
  }

  #run<T>(operation: Operation, signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return retried(operation, this.#tools, signal, async (attempt) => {
      try {
        return await run(attempt);
      } catch (cause) {
        if (!(cause instanceof KubeError)) throw cause;
        throw new KmsError(codeOf(cause), `${operation.name} failed: ${cause.message}`, { cause });
      }
    });
  }
}

function operationOf(name: string): Operation {
  return { side: "store", name };
}

function nameOf(id: string): string {
  return `wrapped-key-${createHash("sha256").update(id).digest("hex").slice(0, 40)}`;
}

function bytesOf(operation: Operation, configMap: ConfigMap, id: string): Uint8Array {
  const named = configMap.metadata.annotations?.[ID_ANNOTATION];
  const bytes = decoded(configMap.binaryData?.[DATA_KEY] ?? "");
  if (named === id && bytes !== undefined && bytes.length >= 1 && bytes.length <= MAX_WRAPPED_BYTES) return bytes;
  const got = `a ConfigMap of ID ${quoted(named ?? "")} with "${bytes?.length ?? 0}" bytes`;
  throw new KmsError("store_answer", `${operation.name} failed: got ${got}, wanted one of ${quoted(id)}`);
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text);
  } catch (error) {
    if (error instanceof BytesError) return undefined;
    throw error;
  }
}

function codeOf({ code }: KubeError): KmsErrorCode {
  switch (code) {
    case "unauthorized":
    case "forbidden":
      return "store_denied";
    case "not_found":
      return "store_missing";
    case "untrusted_server":
      return "store_untrusted";
    case "credentials_unreadable":
    case "kubeconfig_invalid":
      return "credentials_unreadable";
    case "timeout":
    case "aborted":
      return "store_timeout";
    case "unreachable":
      return "store_unreachable";
    case "overloaded":
      return "store_busy";
    case "server_error":
    case "expired":
      return "store_failed";
    case "invalid_name":
      return "request_invalid";
    case "response_too_large":
    case "response_invalid":
    case "already_exists":
    case "conflict":
    case "rejected":
      return "store_answer";
  }
}
