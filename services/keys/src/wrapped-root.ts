import { createHash } from "node:crypto";
import type { MasterSecret } from "@constellation/keys";
import {
  type ClusterKeyManagement,
  describeKms,
  openRootKey,
  type OpenedKeyManagement,
  requireRootOfCluster,
} from "@constellation/kms/root";
import { describeError, type Log } from "@constellation/pod";
import { KeyServiceError } from "./errors.ts";
import type { WayToKms } from "./key-management.ts";

/** One generation of the root key, as an external KMS wrapped it, with the way to that KMS. */
export interface WrappedRoot extends WayToKms {
  readonly generation: number;
  readonly salt: Uint8Array;
  readonly envelope: Uint8Array;
}

/** Opens the KMS; see `openClusterKms`. */
export type OpenKms = (keyManagement: ClusterKeyManagement, signal: AbortSignal) => Promise<OpenedKeyManagement>;

/** The generation that makes the cluster's ID. */
const FIRST_GENERATION = 1;

/** A root whose version changes with any byte of it, or of the way to its KMS. */
export function wrappedRoot(
  { generation, salt, wrapped: envelope }: { generation: number; salt: Uint8Array; wrapped: Uint8Array },
  way: WayToKms,
): WrappedRoot {
  const hash = createHash("sha256").update(`${way.version}:${envelope.length}:`).update(envelope).update(salt);
  return { ...way, version: hash.digest("hex"), generation, salt, envelope };
}

/** Opens a wrapped root by the KMS; the first generation must be this cluster's. Leaves one audit line either way. */
export async function openWrappedRoot(
  root: WrappedRoot,
  { openKms, log, nowMs }: { readonly openKms: OpenKms; readonly log: Log; readonly nowMs: () => number },
  signal: AbortSignal,
): Promise<MasterSecret> {
  const { keyManagement, generation } = root;
  const kms = describeKms(keyManagement.kms);
  const start = nowMs();
  const audit = (fields: Record<string, string>): void =>
    log.record("root-unwrap", { ...fields, generation, kms, durationMs: Math.round(nowMs() - start) });
  try {
    const opened = await openKms(keyManagement, signal);
    const master = await openOwnRoot(opened, root, signal);
    audit({ outcome: "opened" });
    return master;
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    audit({ outcome: "failed", code: typeof code === "string" ? code : "internal", reason: describeError(cause) });
    throw new KeyServiceError(
      "master_secret_unavailable",
      `Open master secret by ${kms} failed: ${describeError(cause)}`,
      { cause },
    );
  }
}

async function openOwnRoot(
  { kms }: OpenedKeyManagement,
  root: WrappedRoot,
  signal: AbortSignal,
): Promise<MasterSecret> {
  const { clusterId, salt, measurementSalt } = root;
  const master = await openRootKey(kms, clusterId, root, signal);
  try {
    if (root.generation === FIRST_GENERATION) requireRootOfCluster(clusterId, { master, salt, measurementSalt });
    return master;
  } catch (error) {
    master.wipe();
    throw error;
  }
}
