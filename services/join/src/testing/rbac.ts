import type { KubeApiserver } from "@constellation/testkit/kube-apiserver";

const API = "rbac.authorization.k8s.io";
const JOIN_SERVICE = { kind: "ServiceAccount", name: "join-service", namespace: "kube-system" };

interface Grant {
  readonly name: string;
  readonly namespace: string;
  readonly subject: object;
  readonly rules: readonly object[];
}

/** The rights of the join service: these and no others, so that tests show they suffice. */
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
];

/** Creates roles and bindings in a test cluster. */
export async function grantRights(api: KubeApiserver): Promise<void> {
  for (const { name, namespace, subject, rules } of GRANTS) {
    const base = `/apis/${API}/v1/namespaces/${namespace}`;
    const object = { apiVersion: `${API}/v1`, metadata: { name } };
    const roleRef = { kind: "Role", name, apiGroup: API };
    await api.create(`${base}/roles`, { ...object, kind: "Role", rules });
    await api.create(`${base}/rolebindings`, { ...object, kind: "RoleBinding", roleRef, subjects: [subject] });
  }
}
