import { ANONYMOUS, type Attester } from "@constellation/atls";
import {
  deriveClusterId,
  deriveEtcdSecretsKey,
  deriveStateDiskKey,
  type DiskKey,
  type EtcdKey,
  KeysError,
  MasterSecret,
} from "@constellation/keys";
import { RecoverService, type RpcServer, serveAtls } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import type { Log } from "../log/log.ts";

/** A key for this node's disk, a control plane's keys for etcd, and the cluster that they are said to belong to. */
export interface RecoveredKey {
  diskKey: DiskKey;
  /** None for a worker. */
  etcdKeys: EtcdKey[];
  clusterId: Uint8Array;
  source: string;
}

const HANDSHAKE_TIMEOUT_MS = 60_000;
const MAX_PENDING = 8;

/**
 * Takes the master secret from the operator when no control plane is left to give the disk key. Anyone may call: a
 * secret that is not the cluster's gives a key that does not open the disk. `accept` tries the key.
 */
export function serveRecover(
  diskUuid: string,
  attester: Attester,
  listen: { host: string; port: number },
  accept: (key: RecoveredKey) => Promise<void>,
  log: Log,
): Promise<RpcServer> {
  return serveAtls<typeof ANONYMOUS>({
    ...listen,
    purpose: "recover",
    attester,
    appraiser: ANONYMOUS,
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    maxPending: MAX_PENDING,
    onRefused: (error, remote) => log.info("recover connection refused", { remote, error: error.message }),
    onError: (error) => log.error("recover failed", error),
    statuses: { request: "invalid-argument", refused: "permission-denied", already_initialised: "failed-precondition" },
    routes: (router) =>
      router.service(RecoverService, {
        async recover({ masterSecret, masterSecretSalt, measurementSalt }) {
          await accept(deriveKey(diskUuid, masterSecret, masterSecretSalt, measurementSalt));
          return {};
        },
      }),
  });
}

function deriveKey(
  diskUuid: string,
  masterSecret: Uint8Array,
  salt: Uint8Array,
  measurementSalt: Uint8Array,
): RecoveredKey {
  try {
    const master = new MasterSecret(masterSecret);
    try {
      return {
        diskKey: deriveStateDiskKey(master, salt, diskUuid),
        etcdKeys: [{ generation: 1, key: deriveEtcdSecretsKey(master, salt) }],
        clusterId: deriveClusterId(master, salt, measurementSalt),
        source: "operator",
      };
    } finally {
      master.wipe();
    }
  } catch (cause) {
    if (cause instanceof KeysError) throw new NodeError("request", `Recover node failed: ${cause.message}`, { cause });
    throw cause;
  } finally {
    masterSecret.fill(0);
  }
}
