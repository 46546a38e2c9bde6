import { type Config, MASTER_SECRET_FILE, type State, withState } from "@constellation/config";
import { describeKms } from "@constellation/kms/root";
import { recoversItself } from "../../../cluster/key-management.ts";
import type { Context } from "../../../context.ts";
import { waitFor } from "./wait-nodes.ts";

const NAMESPACE = "kube-system";
/** A generation of the master secret that is not wrapped. */
const PLAIN = /^mastersecret(?:-[0-9]+)?$/;

/** What is to become of the master secret, beyond what the configuration says. */
export interface ReleaseOptions {
  readonly keepMasterSecret: boolean;
  /** Whether all nodes are known to be Ready. */
  readonly isReady: boolean;
}

/**
 * Deletes the workspace's master secret of a cluster with an external KMS, once the cluster has shown that it does
 * without: its Secret holds the wrapped root and not the root, and every key service has opened it by the KMS.
 */
export async function releaseMasterSecret(
  context: Context,
  config: Config,
  state: State,
  { keepMasterSecret, isReady }: ReleaseOptions,
): Promise<State> {
  const { workspace, io } = context;
  if (config.keyManagement === undefined || !workspace.has(MASTER_SECRET_FILE)) return state;
  const file = workspace.show(MASTER_SECRET_FILE);
  if (state.clusterValues.masterSecret === "kept") return state;
  if (keepMasterSecret) {
    io.err(`Kept ${file}, as asked: whoever has it can open every disk of this cluster.\n`);
    return await remember(context, state, "kept");
  }
  if (!recoversItself(config)) {
    io.err(`Kept ${file}: nodes of this kind can't recover by the KMS, and need it when no control plane is left.\n`);
    return state;
  }
  if (!isReady) {
    io.err(`Kept ${file}: it is deleted by \`constellation apply\` that waits for all nodes.\n`);
    return state;
  }
  await proveRelease(context, config.keyManagement.kms, state);
  // Before the file goes, so that it is known why it is missing.
  const next = await remember(context, state, "deleted");
  await workspace.shred(MASTER_SECRET_FILE);
  io.err(`Deleted ${file}: the cluster's root key is now with ${describeKms(config.keyManagement.kms)} alone.\n`);
  return next;
}

async function proveRelease(context: Context, kms: string, state: State): Promise<void> {
  await waitFor(context, state, `the key services to open the root key by ${describeKms(kms)}`, async (kubernetes) => {
    const names = await kubernetes.secretKeys(NAMESPACE, "constellation-master-secret", context.signal);
    if (names?.includes("mastersecret.wrapped") !== true || names.some((name) => PLAIN.test(name))) {
      return { note: `Secret ${NAMESPACE}/constellation-master-secret does not hold the wrapped root key alone` };
    }
    const pods = await kubernetes.podsOf(NAMESPACE, "key-service", context.signal);
    if (pods !== undefined && pods.wanted > 0 && pods.ready === pods.wanted) return { done: true };
    return { note: `${pods?.ready ?? 0} of ${pods?.wanted ?? 0} key services have` };
  });
}

async function remember(context: Context, state: State, masterSecret: "kept" | "deleted"): Promise<State> {
  const next = withState(state, { clusterValues: { masterSecret } });
  await context.workspace.writeState(next);
  return next;
}
