import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { HandlerContext } from "@connectrpc/connect";
import { type Closeable, type Log, Metrics, serveHealth } from "@constellation/pod";
import {
  callerOf,
  type GetDataKeyRequest,
  KeyService,
  type MtlsIdentity,
  remoteAddressOf,
  type RpcLimits,
  serveMtls,
  serveTls,
} from "@constellation/rpc";
import { Audit, type Caller } from "./audit.ts";
import type { KeyRequest } from "./authorization.ts";
import { getDataKey, type ReleasedKey } from "./data-key.ts";
import { KeyServiceError } from "./errors.ts";
import { type KeyringSource, mountedKeyring } from "./keyring-source.ts";
import { readyReason } from "./ready-reason.ts";
import { STATUSES } from "./statuses.ts";
import { TokenAuthenticator, type TokenAuthenticatorParts } from "./token-authenticator.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** Where a listener listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where the key service listens and where its files are. */
export interface KeyServiceOptions {
  /** Mutual TLS, for services of this node. */
  readonly services: ListenAddress;
  /** TLS with service account tokens, for pods. */
  readonly pods: ListenAddress;
  readonly healthPort: number;
  /** Folder with `ca.crt`, `key-service.crt`, `key-service.key`. */
  readonly pkiDirectory: string;
  /** Folder with the entries of the keyring's Secret. */
  readonly secretDirectory: string;
  /** Folder with the way to the external KMS; empty, or not there, where the cluster has none. Default `/kms`. */
  readonly kmsDirectory?: string;
  /** How long a root key from a KMS is kept in memory; default ten minutes. */
  readonly keepRootMs?: number;
}

/** What the key service works with. */
export interface KeyServiceParts extends TokenAuthenticatorParts {
  readonly log: Log;
}

/** A running key service. */
export interface RunningKeyService extends Closeable {
  readonly address: AddressInfo;
  readonly podAddress: AddressInfo;
  readonly healthAddress: AddressInfo;
}

// Requests are small, callers few.
const LIMITS: Partial<RpcLimits> = {
  readMaxBytes: 4_096,
  writeMaxBytes: 4_096,
  maxConcurrentStreams: 16,
  maxConnections: 64,
  maxTimeoutMs: 30_000,
};
/** A connection for the csi pod of each node, and for each s3proxy; whoever is silent makes room soon. */
const POD_LIMITS: Partial<RpcLimits> = { ...LIMITS, maxConnections: 1_024, idleTimeoutMs: 60_000 };
const MAX_POD_CONNECTIONS_PER_ADDRESS = 64;
/** Keys by caller and node: a node that was just started asks for those of all its volumes. */
export const RELEASES = { burst: 200, perSecond: 20, maxKeys: 16_384 } as const;

const KEEP_ROOT_MS = 10 * 60_000;

/** Starts the key service: gRPC for services and for pods, and health endpoints and metrics on the loopback address. */
export async function startKeyService(options: KeyServiceOptions, parts: KeyServiceParts): Promise<RunningKeyService> {
  const { log, monotonicMs } = parts;
  const { secretDirectory, kmsDirectory = "/kms", keepRootMs = KEEP_ROOT_MS } = options;
  const mounted = mountedKeyring({ secretDirectory, kmsDirectory, keepRootMs }, log);
  const { keyring } = mounted;
  const metrics = new Metrics();
  const audit = new Audit(log, metrics, monotonicMs);
  const identity = await readIdentity(options.pkiDirectory);
  const onRefused = (error: Error): void => log.record("connection-refused", { reason: error.message });
  const servers = [
    await serveMtls({
      ...identity,
      ...options.services,
      limits: LIMITS,
      statuses: STATUSES,
      onRefused,
      routes: (router) => void router.service(KeyService, { getDataKey: serviceHandler(audit, keyring) }),
    }),
    await serveTls({
      ...identity,
      ...options.pods,
      maxConnectionsPerAddress: MAX_POD_CONNECTIONS_PER_ADDRESS,
      limits: POD_LIMITS,
      statuses: STATUSES,
      onRefused,
      routes: (router) => void router.service(KeyService, { getDataKey: podHandler(audit, keyring, parts) }),
    }),
  ] as const;
  const health = await serveHealth({
    host: "127.0.0.1",
    port: options.healthPort,
    requireReady: async (signal) => (await keyring(signal)).wipe(),
    reasonOf: readyReason,
    metrics,
  });
  return {
    address: servers[0].address,
    podAddress: servers[1].address,
    healthAddress: health.address() as AddressInfo,
    async close() {
      health.close();
      await Promise.all(servers.map((server) => server.close()));
      mounted.close();
    },
  };
}

type Handler = (
  request: GetDataKeyRequest,
  context: HandlerContext,
) => Promise<{ dataKey: Uint8Array; generation: number }>;

/** Callers that their certificate names. */
function serviceHandler(audit: Audit, keyring: KeyringSource): Handler {
  return async ({ keyId, lengthBytes, generation }, context) => {
    const authenticate = (): Caller => ({ caller: callerOf(context), pod: {} });
    const release = (request: KeyRequest): Promise<ReleasedKey> => getDataKey(request, keyring, context.signal);
    return toResponse(await audit.run({ keyId, lengthBytes, generation }, {}, authenticate, release));
  };
}

/** Callers that their token names, within bounds for each caller on each node. */
function podHandler(audit: Audit, keyring: KeyringSource, parts: KeyServiceParts): Handler {
  const authenticator = new TokenAuthenticator(parts);
  const releases = new TokenBuckets(RELEASES);
  return async ({ keyId, lengthBytes, generation }, context) => {
    const remote = remoteAddressOf(context);
    const authenticate = async (): Promise<Caller> => {
      const header = context.requestHeader.get("authorization");
      const { caller, ...pod } = await authenticator.authenticate(header, remote);
      return { caller, pod };
    };
    const release = async (request: KeyRequest, { caller, pod }: Caller): Promise<ReleasedKey> => {
      requireRoom(releases, caller, pod.node ?? "", parts.monotonicMs());
      return await getDataKey(request, keyring, context.signal);
    };
    return toResponse(await audit.run({ keyId, lengthBytes, generation }, { remote }, authenticate, release));
  };
}

function toResponse({ key, generation }: ReleasedKey): { dataKey: Uint8Array; generation: number } {
  return { dataKey: key.reveal(), generation };
}

function requireRoom(releases: TokenBuckets, caller: string, node: string, nowMs: number): void {
  if (releases.take(`${caller} ${node}`, nowMs)) return;
  const got = `got more than "${RELEASES.perSecond}" requests a second of "${caller}" on "${node}"`;
  throw new KeyServiceError("too_many_requests", `Release key failed: ${got}`);
}

async function readIdentity(directory: string): Promise<MtlsIdentity> {
  const [ca, certificate, key] = await Promise.all(
    ["ca.crt", "key-service.crt", "key-service.key"].map((name) => readFile(join(directory, name), "utf8")),
  );
  return { ca: ca ?? "", certificate: certificate ?? "", key: key ?? "" };
}
