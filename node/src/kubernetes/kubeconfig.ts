/** A kubeconfig with one cluster, one user, one context. JSON is YAML, so no YAML library is needed to write it. */
export interface KubeconfigInput {
  server: string;
  caPem: string;
  user: string;
  credentials: { certificateFile: string; keyFile: string } | { certificatePem: string; keyPem: string };
  clusterName?: string;
}

export function kubeconfig(input: KubeconfigInput): string {
  const { server, caPem, user, credentials, clusterName = "constellation" } = input;
  const context = `${user}@${clusterName}`;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: clusterName, cluster: { server, "certificate-authority-data": base64(caPem) } }],
    users: [{ name: user, user: userEntry(credentials) }],
    contexts: [{ name: context, context: { cluster: clusterName, user } }],
    "current-context": context,
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function userEntry(credentials: KubeconfigInput["credentials"]): object {
  if ("certificateFile" in credentials) {
    return { "client-certificate": credentials.certificateFile, "client-key": credentials.keyFile };
  }
  return {
    "client-certificate-data": base64(credentials.certificatePem),
    "client-key-data": base64(credentials.keyPem),
  };
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
