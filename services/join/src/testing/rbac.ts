import type { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { JOINING_CONTROL_PLANES_GROUP } from "../node-credentials.ts";

const API = "rbac.authorization.k8s.io";
const JOIN_SERVICE = { kind: "ServiceAccount", name: "join-service", namespace: "kube-system" };
const JOINING = { kind: "Group", name: JOINING_CONTROL_PLANES_GROUP, apiGroup: API };

interface Grant {
  readonly name: string;
  readonly namespace?: string;
  readonly subject: object;
  readonly rules: readonly object[];
}

/** The rights of the join service and of joining control planes: these and no others, so that tests show they suffice. */
const GRANTS: readonly Grant[] = [
  {
    name: "constellation:join-service",
    namespace: "kube-system",
    subject: JOIN_SERVICE,
    rules: [{ apiGroups: [""], resources: ["configmaps"], resourceNames: ["constellation-cluster"], verbs: ["get"] }],
  },
  {
    name: "constellation:join-service",
    namespace: "default",
    subject: JOIN_SERVICE,
    rules: [
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], resourceNames: ["kubernetes"], verbs: ["get"] },
    ],
  },
  {
    name: "constellation:joining-control-planes",
    namespace: "kube-system",
    subject: JOINING,
    rules: [
      {
        apiGroups: [""],
        resources: ["configmaps"],
        resourceNames: ["kubeadm-config", "kubelet-config"],
        verbs: ["get"],
      },
    ],
  },
  {
    name: "constellation:joining-control-planes",
    subject: JOINING,
    rules: [{ apiGroups: [""], resources: ["nodes"], verbs: ["get"] }],
  },
];

/** Creates roles and bindings in a test cluster. */
export async function grantRights(api: KubeApiserver): Promise<void> {
  for (const { name, namespace, subject, rules } of GRANTS) {
    const prefix = namespace === undefined ? "Cluster" : "";
    const base = `/apis/${API}/v1${namespace === undefined ? "" : `/namespaces/${namespace}`}/${prefix.toLowerCase()}`;
    const object = { apiVersion: `${API}/v1`, metadata: { name } };
    const roleRef = { kind: `${prefix}Role`, name, apiGroup: API };
    await api.create(`${base}roles`, { ...object, kind: `${prefix}Role`, rules });
    await api.create(`${base}rolebindings`, { ...object, kind: `${prefix}RoleBinding`, roleRef, subjects: [subject] });
  }
}
