import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type Authority, issueCertificate } from "./issue-certificate.ts";

/** The group whose members may read what `kubeadm join` needs, and nothing else. */
export const JOINING_CONTROL_PLANES_GROUP = "constellation:joining-control-planes";

const MINUTE_MS = 60_000;
const CLOCK_SKEW_MS = 5 * MINUTE_MS;
const KUBELET_VALIDITY_MS = 365 * 24 * 60 * MINUTE_MS;
const BOOTSTRAP_VALIDITY_MS = 15 * MINUTE_MS;

/**
 * The kubelet's certificate (PEM), client and server, for the recorded name. Name and group are those that the API
 * server's Node authoriser goes by.
 */
export function issueKubeletCertificate(
  authority: Authority,
  nodeName: string,
  addresses: readonly string[],
  publicKey: KeyObject,
  now: Date,
): Promise<string> {
  return issueCertificate(authority, {
    commonName: `system:node:${nodeName}`,
    organization: "system:nodes",
    publicKey,
    usages: ["client", "server"],
    dnsNames: [nodeName],
    addresses,
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + KUBELET_VALIDITY_MS),
  });
}

/** A kubeconfig with a new key and a client certificate of 15 minutes, for `kubeadm join` of a control plane. */
export async function issueBootstrapKubeconfig(
  authority: Authority,
  nodeName: string,
  server: string,
  now: Date,
): Promise<string> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificatePem = await issueCertificate(authority, {
    commonName: `constellation:joining-control-plane:${nodeName}`,
    organization: JOINING_CONTROL_PLANES_GROUP,
    publicKey,
    usages: ["client"],
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + BOOTSTRAP_VALIDITY_MS),
  });
  const keyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return kubeconfig(server, authority.certificatePem, certificatePem, keyPem);
}

/** JSON is YAML, and needs no library. */
function kubeconfig(server: string, caPem: string, certificatePem: string, keyPem: string): string {
  const name = "constellation-join";
  const cluster = { server, "certificate-authority-data": base64(caPem) };
  const user = { "client-certificate-data": base64(certificatePem), "client-key-data": base64(keyPem) };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster }],
    users: [{ name, user }],
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
