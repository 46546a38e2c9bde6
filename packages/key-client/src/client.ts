import { readFile } from "node:fs/promises";
import { DataKey } from "@constellation/keys";
import { createTlsClient, fromConnectError, KeyService, type RpcClient, RpcError } from "@constellation/rpc";
import { withBackOff } from "./back-off.ts";
import { KeyClientError } from "./errors.ts";

/** Where the key service is, and the files that a pod proves itself by. */
export interface KeyServiceClientOptions {
  /** `host:port` of the Service `key-service`. */
  readonly address: string;
  /** The services' CA: key `ca.crt` of the ConfigMap `kube-system/constellation-services-ca`, mounted. */
  readonly caFile: string;
  /** The projected service account token; the kubelet replaces it, so it is read at each call. */
  readonly tokenFile: string;
}

/** Which key. */
export interface DataKeyRequest {
  /** `<namespace>/<id>`, for example `volume/<LUKS UUID>`. */
  readonly keyId: string;
  readonly lengthBytes: number;
  /** Generation of the master secret; the current one if none is named. */
  readonly generation?: number;
}

/** A key, with the generation to remember. */
export interface GenerationedKey {
  /** Of its owner alone: to be wiped after use. */
  readonly key: DataKey;
  readonly generation: number;
}

/** A pod's way to its keys. */
export interface KeyServiceClient {
  /**
   * Gets a key. Asks again for about ten seconds, with pauses from 100 ms, while the service can't be reached or can't
   * serve.
   * @throws KeyClientError
   */
  getDataKey(request: DataKeyRequest, signal?: AbortSignal): Promise<GenerationedKey>;
  /** Lets go of the connection. */
  close(): Promise<void>;
}

const SERVER_NAME = "key-service";
const CALL_TIMEOUT_MS = 10_000;
const LIMITS = { readMaxBytes: 4_096, writeMaxBytes: 16_384 } as const;
/** 100 + 200 + 400 + 800 + 1600 + 3 times 2000 ms. */
const BACK_OFF = { firstPauseMs: 100, longestPauseMs: 2_000, attempts: 9 } as const;
const TEMPORARY: readonly RpcError["code"][] = ["unavailable", "deadline-exceeded", "resource-exhausted"];

type Rpc = RpcClient<typeof KeyService>;

/**
 * Makes a client. It connects when it is first asked, keeps the connection, and opens another when that is gone or the
 * CA's file has changed.
 * @throws KeyClientError `address_invalid`
 */
export function createKeyServiceClient(options: KeyServiceClientOptions): KeyServiceClient {
  return new Client(options);
}

class Client implements KeyServiceClient {
  readonly #options: KeyServiceClientOptions;
  readonly #target: { readonly host: string; readonly port: number };
  #current: { readonly ca: string; readonly rpc: Rpc } | undefined;

  constructor(options: KeyServiceClientOptions) {
    this.#options = options;
    this.#target = parseAddress(options.address);
  }

  async getDataKey(request: DataKeyRequest, signal = new AbortController().signal): Promise<GenerationedKey> {
    try {
      return await withBackOff(() => this.#attempt(request, signal), isTemporary, BACK_OFF, signal);
    } catch (error) {
      throw asClientError(error, request.keyId, signal);
    }
  }

  async close(): Promise<void> {
    await this.#current?.rpc.close();
    this.#current = undefined;
  }

  async #attempt(
    { keyId, lengthBytes, generation = 0 }: DataKeyRequest,
    signal: AbortSignal,
  ): Promise<GenerationedKey> {
    const [ca, token] = await this.#readFiles();
    const { client } = this.#connection(ca);
    const headers = { authorization: `Bearer ${token.trim()}` };
    const answer = await client.getDataKey({ keyId, lengthBytes, generation }, { headers, signal });
    try {
      return {
        key: checkedKey(answer.dataKey, lengthBytes),
        generation: checkedGeneration(answer.generation, generation),
      };
    } finally {
      answer.dataKey.fill(0);
    }
  }

  async #readFiles(): Promise<[string, string]> {
    const { caFile, tokenFile } = this.#options;
    try {
      return await Promise.all([readFile(caFile, "utf8"), readFile(tokenFile, "utf8")]);
    } catch (cause) {
      throw new KeyClientError("files_unreadable", `Get key failed: got no readable "${caFile}" and "${tokenFile}"`, {
        cause,
      });
    }
  }

  #connection(ca: string): Rpc {
    if (this.#current?.ca !== ca) {
      // Calls under way over the old connection end as lost, and are made again.
      void this.#current?.rpc.close();
      const options = { ...this.#target, ca, serverName: SERVER_NAME, timeoutMs: CALL_TIMEOUT_MS, limits: LIMITS };
      this.#current = { ca, rpc: createTlsClient(KeyService, options) };
    }
    return this.#current.rpc;
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
  throw new KeyClientError(
    "address_invalid",
    `Make client failed: got ${JSON.stringify(address)}, wanted "<host>:<port>"`,
  );
}

function checkedKey(bytes: Uint8Array, lengthBytes: number): DataKey {
  if (bytes.length === lengthBytes) return new DataKey(bytes);
  throw new KeyClientError("answer_invalid", `Get key failed: got "${bytes.length}" bytes, wanted "${lengthBytes}"`);
}

function checkedGeneration(got: number, wanted: number): number {
  if (got >= 1 && (wanted === 0 || got === wanted)) return got;
  const which = wanted === 0 ? "one" : `"${wanted}"`;
  throw new KeyClientError("answer_invalid", `Get key failed: got generation "${got}", wanted ${which}`);
}

function isTemporary(error: unknown): boolean {
  // The kubelet brings a pod's files before the pod runs, and swaps them at once: unreadable ones stay so.
  return !(error instanceof KeyClientError) && TEMPORARY.includes(fromConnectError(error).code);
}

function asClientError(error: unknown, keyId: string, signal: AbortSignal): KeyClientError {
  if (error instanceof KeyClientError) return error;
  const what = `Get key "${keyId}" failed`;
  if (signal.aborted) return new KeyClientError("aborted", `${what}: got a request to stop`, { cause: signal.reason });
  const failure = fromConnectError(error);
  const { code, remoteCode } = failure;
  return new KeyClientError(isTemporary(error) ? "unavailable" : "refused", `${what}: got "${remoteCode ?? code}"`, {
    cause: failure,
    remoteCode,
  });
}
