import { create } from "@bufbuild/protobuf";
import { fromUtf8 } from "@constellation/bytes";
import { KEYRING_NAME, KEYRING_NAMESPACE } from "@constellation/cluster-state";
import { KeysError, parseKeyringEntries, type StoredGeneration } from "@constellation/keys";
import type { WrappedRootKey } from "@constellation/kms/root";
import { type SelfRecovery, SelfRecoverySchema } from "@constellation/rpc";
import type { ClusterAdmin } from "../kubernetes/cluster-admin.ts";
import { NodeError } from "../errors.ts";
import { type RecoveryRecord, takeRecoveryRecord } from "./record.ts";

const NAMESPACE = "kube-system";
const EMPTY = new Uint8Array(0);
const CREDENTIAL = "credentials.";

/**
 * The record as the cluster's Secrets have it now (`rootKeyObjects` wrote them); undefined where one is missing.
 * @throws NodeError `request` for what is no record, `kubernetes`
 */
export async function recordInCluster(
  cluster: Pick<ClusterAdmin, "readSecret">,
  signal: AbortSignal,
): Promise<RecoveryRecord | undefined> {
  const kms = await cluster.readSecret(NAMESPACE, "constellation-kms", signal);
  if (kms === undefined) return undefined;
  const root = await cluster.readSecret(KEYRING_NAMESPACE, KEYRING_NAME, signal);
  if (root === undefined) return undefined;
  return takeRecoveryRecord(toMessage(kms, root));
}

function toMessage(kms: ReadonlyMap<string, Uint8Array>, root: ReadonlyMap<string, Uint8Array>): SelfRecovery {
  const credentials = [...kms].flatMap(([name, data]) =>
    name.startsWith(CREDENTIAL) ? [{ name: name.slice(CREDENTIAL.length), data }] : [],
  );
  const roots = wrappedRoots(root);
  return create(SelfRecoverySchema, {
    keyManagement: {
      kmsUri: fromUtf8(kms.get("kms") ?? EMPTY),
      storageUri: fromUtf8(kms.get("storage") ?? EMPTY),
      credentials,
    },
    clusterId: kms.get("clusterid") ?? EMPTY,
    measurementSalt: kms.get("measurementsalt") ?? EMPTY,
    roots,
  });
}

/** Generations that were removed are none. One in plain beside wrapped ones would be a root that the KMS never had. */
function wrappedRoots(entries: ReadonlyMap<string, Uint8Array>): WrappedRootKey[] {
  const stored = parseEntries(entries);
  const plain = stored.filter((generation) => generation.kind === "plain");
  for (const { master } of plain) master.wipe();
  if (plain.length > 0) {
    const got = `got generation "${plain.map(({ generation }) => generation).join(", ")}" in plain`;
    throw new NodeError("request", `Read root key of the cluster failed: ${got}, wanted all wrapped`);
  }
  return stored.flatMap((root) =>
    root.kind === "wrapped" ? [{ generation: root.generation, salt: root.salt, envelope: root.wrapped }] : [],
  );
}

function parseEntries(entries: ReadonlyMap<string, Uint8Array>): StoredGeneration[] {
  try {
    return parseKeyringEntries(Object.fromEntries(entries));
  } catch (cause) {
    if (!(cause instanceof KeysError)) throw cause;
    throw new NodeError("request", "Read root key of the cluster failed", { cause });
  } finally {
    for (const bytes of entries.values()) bytes.fill(0);
  }
}
