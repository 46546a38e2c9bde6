import { ANONYMOUS, type Attester } from "@constellation/atls";
import { Keyring, KeysError, MasterSecret } from "@constellation/keys";
import { type RecoverRequest, RecoverService, type RpcServer, serveAtls } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import { deriveRecoveredKey, type LockedDisk, type RecoveredKey } from "./recovered-key.ts";

const HANDSHAKE_TIMEOUT_MS = 60_000;
const MAX_PENDING = 8;

/**
 * Takes the master secret, of all generations, from the operator when no control plane is left to give the disk key. Anyone may call: a
 * secret that is not the cluster's gives a key that does not open the disk. `accept` tries the key.
 */
export function serveRecover(
  disk: LockedDisk,
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
    statuses: {
      request: "invalid-argument",
      refused: "permission-denied",
      cluster_mismatch: "permission-denied",
      already_initialised: "failed-precondition",
    },
    routes: (router) =>
      router.service(RecoverService, {
        async recover(request) {
          await accept(recoverKey(disk, request));
          return {};
        },
      }),
  });
}

function recoverKey(disk: LockedDisk, request: RecoverRequest): RecoveredKey {
  try {
    const keyring = keyringOf(request);
    try {
      const clusterId = keyring.clusterId(request.measurementSalt);
      return deriveRecoveredKey(keyring, disk, { clusterId, source: "operator" });
    } finally {
      keyring.wipe();
    }
  } catch (cause) {
    if (cause instanceof KeysError) throw new NodeError("request", `Recover node failed: ${cause.message}`, { cause });
    throw cause;
  } finally {
    for (const bytes of [request.masterSecret, ...request.rotated.map((entry) => entry.masterSecret)]) bytes.fill(0);
  }
}

function keyringOf({ masterSecret, masterSecretSalt, rotated }: RecoverRequest): Keyring {
  const first = { generation: 1, masterSecret, salt: masterSecretSalt };
  return new Keyring(
    [first, ...rotated].map(({ generation, masterSecret: bytes, salt }) => ({
      generation,
      master: new MasterSecret(bytes),
      salt,
    })),
  );
}
