import {
  CLUSTER_STATE_NAME,
  CLUSTER_STATE_NAMESPACE,
  type ClusterState,
  KEYRING_NAME,
  KEYRING_NAMESPACE,
  serializeClusterState,
} from "@constellation/cluster-state";
import type { MasterSecret } from "@constellation/keys";
import type { KubeObject } from "./apply.ts";

const RBAC = "rbac.authorization.k8s.io/v1";
const RBAC_GROUP = "rbac.authorization.k8s.io";
const NODES = { kind: "Group", apiGroup: RBAC_GROUP, name: "system:nodes" };

/** The root of all keys for the key service: a Secret, which the API server encrypts before etcd sees it. */
export function masterSecretObject(master: MasterSecret, salt: Uint8Array): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: KEYRING_NAME, namespace: KEYRING_NAMESPACE },
    type: "Opaque",
    data: { mastersecret: Buffer.from(master.reveal()).toString("base64"), salt: Buffer.from(salt).toString("base64") },
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
