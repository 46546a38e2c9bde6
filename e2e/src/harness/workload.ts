/** Objects of the tests' workload, in a namespace of its own that asks for the "restricted" pod security standard. */

/** Namespace of everything here. */
export const NAMESPACE = "e2e";
/** The tests' image as pods name it; its registry exists only as a mirror. */
export const IMAGE = { registry: "registry.test", repository: "e2e/workload", tag: "1" } as const;
/** Replicas behind the Service. */
export const WEB = { name: "web", port: 8080, labels: { app: "web" } } as const;
/** The pod that writes to its node's disk. */
export const WRITER = { name: "writer", file: "/data/marker" } as const;

/** The tests' image with its tag. */
export const IMAGE_NAME = `${IMAGE.registry}/${IMAGE.repository}:${IMAGE.tag}`;
/** What the "restricted" standard asks of containers. */
export const UNPRIVILEGED = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 65534,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

/** The namespace. */
export function namespace(): object {
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE, labels } };
}

/** Two web servers, one on each node, control plane included. */
export function webDeployment(): object {
  const container = {
    name: "web",
    image: IMAGE_NAME,
    command: ["/agnhost", "netexec", `--http-port=${WEB.port}`],
    ports: [{ containerPort: WEB.port }],
    readinessProbe: { httpGet: { path: "/hostname", port: WEB.port }, timeoutSeconds: 10 },
    securityContext: UNPRIVILEGED,
  };
  const spread = {
    maxSkew: 1,
    topologyKey: "kubernetes.io/hostname",
    whenUnsatisfiable: "DoNotSchedule",
    labelSelector: { matchLabels: WEB.labels },
  };
  const spec = {
    automountServiceAccountToken: false,
    tolerations: [{ key: "node-role.kubernetes.io/control-plane", operator: "Exists" }],
    topologySpreadConstraints: [spread],
    containers: [container],
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: WEB.name, namespace: NAMESPACE },
    spec: {
      replicas: 2,
      selector: { matchLabels: WEB.labels },
      template: { metadata: { labels: WEB.labels }, spec },
    },
  };
}

/** The Service in front of the web servers. */
export function webService(): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: WEB.name, namespace: NAMESPACE },
    spec: { selector: WEB.labels, ports: [{ port: WEB.port }] },
  };
}

/** A pod with a directory on its node's disk, which stays on this node through everything. */
export function writerPod(nodeName: string): object {
  const container = {
    name: "writer",
    image: IMAGE_NAME,
    command: ["/agnhost", "pause"],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    securityContext: UNPRIVILEGED,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: WRITER.name, namespace: NAMESPACE },
    spec: {
      automountServiceAccountToken: false,
      nodeSelector: { "kubernetes.io/hostname": nodeName },
      tolerations: [{ operator: "Exists" }],
      terminationGracePeriodSeconds: 1,
      containers: [container],
      volumes: [{ name: "data", emptyDir: {} }],
    },
  };
}
