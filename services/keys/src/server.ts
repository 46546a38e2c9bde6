import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Closeable, type Log, serveHealth } from "@constellation/pod";
import {
  callerOf,
  KeyService,
  type MtlsIdentity,
  type RpcLimits,
  serveMtls,
  type StatusTable,
} from "@constellation/rpc";
import { getDataKey } from "./data-key.ts";
import type { KeyServiceErrorCode } from "./errors.ts";
import { readyReason } from "./ready-reason.ts";
import { rootSource } from "./root-source.ts";
import type { OpenKms } from "./wrapped-root.ts";

/** Where the key service listens and where its files are. */
export interface KeyServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly healthPort: number;
  /** Folder with `ca.crt`, `key-service.crt`, `key-service.key`. */
  readonly pkiDirectory: string;
  /** Folder with `salt`, and `mastersecret` or `mastersecret.wrapped`. */
  readonly secretDirectory: string;
  /** Folder with the way to the external KMS; empty, or not there, where the cluster has none. Default `/kms`. */
  readonly kmsDirectory?: string;
  /** How long a root key from a KMS is kept in memory; default ten minutes. */
  readonly keepRootMs?: number;
  /** Opens a KMS; default over the network. */
  readonly openKms?: OpenKms;
}

/** A running key service. */
export interface RunningKeyService extends Closeable {
  readonly address: AddressInfo;
}

const STATUSES = {
  caller_unknown: "permission-denied",
  key_id_invalid: "invalid-argument",
  key_length_invalid: "invalid-argument",
  namespace_forbidden: "permission-denied",
  master_secret_unavailable: "unavailable",
} as const satisfies StatusTable & Record<KeyServiceErrorCode, unknown>;

// Requests are small, callers few.
const LIMITS: Partial<RpcLimits> = {
  readMaxBytes: 4_096,
  writeMaxBytes: 4_096,
  maxConcurrentStreams: 16,
  maxConnections: 64,
  maxTimeoutMs: 30_000,
};

const KEEP_ROOT_MS = 10 * 60_000;

/** Starts the key service: gRPC over mutual TLS, and health endpoints on the loopback address. */
export async function startKeyService(options: KeyServiceOptions, log: Log): Promise<RunningKeyService> {
  const { secretDirectory, kmsDirectory = "/kms", keepRootMs = KEEP_ROOT_MS, openKms } = options;
  const root = rootSource(
    { secretDirectory, kmsDirectory, keepRootMs, ...(openKms === undefined ? {} : { openKms }) },
    log,
  );
  const { masterSecret } = root;
  const parts = { masterSecret, log };
  const server = await serveMtls({
    ...(await readIdentity(options.pkiDirectory)),
    host: options.host,
    port: options.port,
    limits: LIMITS,
    statuses: STATUSES,
    onRefused: (error) => log.record("connection-refused", { reason: error.message }),
    routes: (router) =>
      router.service(KeyService, {
        async getDataKey({ keyId, lengthBytes }, context) {
          const request = { caller: callerOf(context), keyId, lengthBytes };
          return { dataKey: (await getDataKey(request, parts, context.signal)).reveal() };
        },
      }),
  });
  const health = await serveHealth({
    host: "127.0.0.1",
    port: options.healthPort,
    requireReady: async (signal) => (await masterSecret(signal)).master.wipe(),
    reasonOf: readyReason,
  });
  return {
    address: server.address,
    async close() {
      health.close();
      await server.close();
      root.close();
    },
  };
}

async function readIdentity(directory: string): Promise<MtlsIdentity> {
  const [ca, certificate, key] = await Promise.all(
    ["ca.crt", "key-service.crt", "key-service.key"].map((name) => readFile(join(directory, name), "utf8")),
  );
  return { ca: ca ?? "", certificate: certificate ?? "", key: key ?? "" };
}
