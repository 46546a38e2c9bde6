import {
  CLUSTER_STATE_NAME,
  CLUSTER_STATE_NAMESPACE,
  type ClusterState,
  KEYRING_NAME,
  KEYRING_NAMESPACE,
  serializeClusterState,
} from "@constellation/cluster-state";
import { base64, utf8 } from "@constellation/bytes";
import { generationEntries, type MasterSecret } from "@constellation/keys";
import type { RecoveryRecord } from "../recovery/record.ts";
import type { KubeObject } from "./apply.ts";

const RBAC = "rbac.authorization.k8s.io/v1";
const RBAC_GROUP = "rbac.authorization.k8s.io";
const NODES = { kind: "Group", apiGroup: RBAC_GROUP, name: "system:nodes" };

/**
 * The root of all keys for the key service, as Secrets, which the API server encrypts before etcd sees them: the master
 * secret itself, or what the external KMS made of it and the way to that KMS. Never both.
 */
export function rootKeyObjects(
  { master, salt }: { readonly master: MasterSecret; readonly salt: Uint8Array },
  record: RecoveryRecord | undefined,
): KubeObject[] {
  if (record === undefined) {
    return [secret(KEYRING_NAME, { mastersecret: master.reveal(), salt })];
  }
  const { keyManagement, clusterId, measurementSalt, roots } = record;
  const { kms, storage, credentials } = keyManagement;
  const wrapped = roots.flatMap(({ generation, salt: ownSalt, envelope }) => {
    const names = generationEntries(generation);
    return [
      [names.wrapped, envelope],
      [names.salt, ownSalt],
    ] as const;
  });
  const files = [...credentials].map(([name, file]) => [`credentials.${name}`, file.reveal()] as const);
  return [
    secret(KEYRING_NAME, Object.fromEntries(wrapped)),
    secret("constellation-kms", {
      kms: utf8(kms),
      storage: utf8(storage),
      clusterid: clusterId,
      measurementsalt: measurementSalt,
      ...Object.fromEntries(files),
    }),
  ];
}

function secret(name: string, data: Readonly<Record<string, Uint8Array>>): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: KEYRING_NAMESPACE },
    type: "Opaque",
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
  };
}

/** Policy, node records and settings: what the join service decides by. */
export function clusterStateObject(state: ClusterState): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: CLUSTER_STATE_NAME, namespace: CLUSTER_STATE_NAMESPACE },
    data: serializeClusterState(state),
  };
}

/** The CA by which pods know the key service. Public: it says whom to trust, and opens nothing. */
export function servicesCaObject(caPem: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "constellation-services-ca", namespace: "kube-system" },
    data: { "ca.crt": caPem },
  };
}

/** What nodes may do beyond the node authorizer's rules. */
export function nodePermissions(): KubeObject[] {
  return [
    // The controller manager approves the renewal of a kubelet's own client certificate, and nothing else.
    {
      apiVersion: RBAC,
      kind: "ClusterRoleBinding",
      metadata: { name: "constellation:kubelet-certificate-rotation" },
      roleRef: {
        apiGroup: RBAC_GROUP,
        kind: "ClusterRole",
        name: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
      },
      subjects: [NODES],
    },
  ];
}
