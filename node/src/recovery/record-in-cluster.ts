import { create } from "@bufbuild/protobuf";
import { fromUtf8 } from "@constellation/bytes";
import { type SelfRecovery, SelfRecoverySchema } from "@constellation/rpc";
import type { ClusterAdmin } from "../kubernetes/cluster-admin.ts";
import { type RecoveryRecord, takeRecoveryRecord } from "./record.ts";

const NAMESPACE = "kube-system";
const EMPTY = new Uint8Array(0);
const CREDENTIAL = "credentials.";
const WRAPPED = /^mastersecret(?:-([1-9][0-9]*))?\.wrapped$/;

/**
 * The record as the cluster's Secrets have it now (`rootKeyObjects` wrote them); undefined where one is missing.
 * @throws NodeError `request` for what is no record, `kubernetes`
 */
export async function recordInCluster(
  cluster: Pick<ClusterAdmin, "readSecret">,
  signal: AbortSignal,
): Promise<RecoveryRecord | undefined> {
  const kms = await cluster.readSecret(NAMESPACE, "constellation-kms", signal);
  const root = await cluster.readSecret(NAMESPACE, "constellation-master-secret", signal);
  if (kms === undefined || root === undefined) return undefined;
  return takeRecoveryRecord(toMessage(kms, root));
}

function toMessage(kms: ReadonlyMap<string, Uint8Array>, root: ReadonlyMap<string, Uint8Array>): SelfRecovery {
  const credentials = [...kms].flatMap(([name, data]) =>
    name.startsWith(CREDENTIAL) ? [{ name: name.slice(CREDENTIAL.length), data }] : [],
  );
  const roots = [...root].flatMap(([name, envelope]) => {
    const [, generation] = WRAPPED.exec(name) ?? [];
    if (!WRAPPED.test(name)) return [];
    const salt = root.get(generation === undefined ? "salt" : `salt-${generation}`) ?? EMPTY;
    return [{ generation: Number(generation ?? 1), salt, envelope }];
  });
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
