import { OWNER } from "@constellation/s3proxy/testing/proxy";
import { TestCa } from "@constellation/testkit/test-ca";
import { parseAllDocuments } from "yaml";
import { IMAGE_NAME, NAMESPACE, UNPRIVILEGED } from "./workload.ts";

/** A MinIO without TLS in the cluster, as a store that is not to see what it keeps. */
export const STORE = { name: "store", port: 9000, url: `http://store.${NAMESPACE}.svc:9000` } as const;
/** Where pods find the S3 proxy. */
export const PROXY = { name: "s3proxy", namespace: "kube-system", host: "s3proxy.kube-system.svc" } as const;

/** The store and its Service. */
export function storeObjects(): object[] {
  const labels = { app: STORE.name };
  const container = {
    name: STORE.name,
    image: IMAGE_NAME,
    command: ["/minio", "server", `--address=:${STORE.port}`, "--certs-dir=/data/certs", "/data/objects"],
    env: Object.entries({
      MINIO_ROOT_USER: OWNER.accessKeyId,
      MINIO_ROOT_PASSWORD: OWNER.secretAccessKey,
      MINIO_UPDATE: "off",
      MINIO_BROWSER: "off",
      HOME: "/data",
    }).map(([name, value]) => ({ name, value })),
    readinessProbe: { httpGet: { path: "/minio/health/ready", port: STORE.port }, timeoutSeconds: 10 },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    securityContext: UNPRIVILEGED,
  };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: STORE.name, namespace: NAMESPACE, labels },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { fsGroup: UNPRIVILEGED.runAsUser },
      terminationGracePeriodSeconds: 5,
      containers: [container],
      volumes: [{ name: "data", emptyDir: {} }],
    },
  };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: STORE.name, namespace: NAMESPACE },
    spec: { selector: labels, ports: [{ port: STORE.port }] },
  };
  return [pod, service];
}

/** What docs/s3proxy.md has the operator make, and the manifest beside it. */
export async function proxyObjects(
  manifest: string,
  clients: object,
): Promise<{ objects: object[]; authorityPem: string }> {
  const ca = await TestCa.create("e2e");
  const { certificatePem, keyPem } = await ca.issue({ commonName: PROXY.host, dnsNames: [PROXY.host] });
  const { namespace } = PROXY;
  const secret = (name: string, stringData: Record<string, string>, type = "Opaque"): object => {
    return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace }, type, stringData };
  };
  const files = { "store.json": JSON.stringify(OWNER), "clients.json": JSON.stringify({ clients: [clients] }) };
  const where = { "store-endpoint": STORE.url, "store-region": "us-east-1" };
  const documents = parseAllDocuments(manifest).map((document) => document.toJS() as object);
  return {
    objects: [
      secret("s3proxy-credentials", files),
      secret("s3proxy-tls", { "tls.crt": certificatePem, "tls.key": keyPem }, "kubernetes.io/tls"),
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "s3proxy", namespace }, data: where },
      ...documents,
    ],
    authorityPem: ca.certificatePem,
  };
}
