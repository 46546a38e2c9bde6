import type { AddressInfo } from "node:net";
import type { Attester, AtlsError, RemoteAddress } from "@constellation/atls";
import { type Closeable, type Log, serveHealth } from "@constellation/pod";
import { JoinService, type RpcLimits, serveAtls } from "@constellation/rpc";
import { Attempts, type AttemptBounds } from "./attempts.ts";
import { refusalFields } from "./audit.ts";
import { type HandlerParts, joinHandlers } from "./handlers.ts";
import { type AttestedNode, nodeAppraiser } from "./peer.ts";
import { JOIN_STATUSES } from "./statuses.ts";

/** Where the join service listens, and its bounds. */
export interface JoinServerOptions {
  readonly host: string;
  readonly port: number;
  readonly healthPort: number;
  readonly attempts?: Partial<AttemptBounds>;
}

/** What the join service works with. */
export interface JoinServerParts extends Omit<HandlerParts, "attempts"> {
  readonly attester: Attester;
}

/** A running join service. */
export interface RunningJoinService extends Closeable {
  readonly address: AddressInfo;
}

// Quotes take long in a virtual TPM of an emulated machine, and several nodes come at once.
const HANDSHAKE_TIMEOUT_MS = 60_000;
const MAX_PENDING_HANDSHAKES = 64;
const DEFAULT_ATTEMPTS: AttemptBounds = { maxConcurrent: 16, maxPerWindow: 30, windowMs: 60_000 };
const LIMITS: Partial<RpcLimits> = {
  readMaxBytes: 16 * 1024,
  writeMaxBytes: 1024 * 1024,
  maxConcurrentStreams: 2,
  maxConnections: 128,
  maxTimeoutMs: 60_000,
  idleTimeoutMs: 30_000,
};

/** Starts the join service: gRPC over attested TLS, both sides attesting, and health endpoints on loopback. */
export async function startJoinService(
  options: JoinServerOptions,
  parts: JoinServerParts,
): Promise<RunningJoinService> {
  const { cluster, pki, log, attester, now } = parts;
  const attempts = new Attempts({ ...DEFAULT_ATTEMPTS, ...options.attempts });
  const server = await serveAtls<AttestedNode>({
    purpose: "join",
    host: options.host,
    port: options.port,
    attester,
    appraiser: nodeAppraiser(cluster, now),
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    maxPending: MAX_PENDING_HANDSHAKES,
    limits: LIMITS,
    statuses: JOIN_STATUSES,
    onRefused: (error, remote) => logRefusedConnection(log, error, remote),
    routes: (router) => router.service(JoinService, joinHandlers({ ...parts, attempts })),
  });
  const health = await serveHealth({
    host: "127.0.0.1",
    port: options.healthPort,
    requireReady: async (signal) => {
      await Promise.all([cluster.state(signal), pki.authority(signal)]);
    },
  });
  return {
    address: server.address,
    async close() {
      health.close();
      await server.close();
    },
  };
}

function logRefusedConnection(log: Log, error: AtlsError, remote: RemoteAddress): void {
  const { peerCode } = error;
  log.record("connection-refused", { remote: remote.address, peerCode, ...refusalFields(error) });
}
