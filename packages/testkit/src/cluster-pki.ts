import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TestCa } from "./test-ca.ts";

/** The authorities of a test cluster and all files of its /etc/kubernetes/pki, by path below that folder. */
export interface ClusterPki {
  readonly clusterCa: TestCa;
  /** The authority of our own services (mutual TLS inside the cluster). */
  readonly serviceCa: TestCa;
  readonly files: ReadonlyMap<string, string>;
}

/** Makes a PKI laid out as kubeadm and our node agent lay it out. */
export async function createClusterPki(apiServerAddresses: readonly string[]): Promise<ClusterPki> {
  const [clusterCa, serviceCa, frontProxyCa, etcdCa] = await Promise.all([
    TestCa.create("kubernetes", "rsa-2048"),
    TestCa.create("constellation-services"),
    TestCa.create("front-proxy-ca"),
    TestCa.create("etcd-ca"),
  ]);
  const apiServer = await clusterCa.issue({
    commonName: "kube-apiserver",
    usages: ["server"],
    dnsNames: ["kubernetes", "kubernetes.default.svc", "localhost"],
    addresses: apiServerAddresses,
  });
  const serviceAccounts = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const files = new Map<string, string>([
    ["apiserver.crt", apiServer.certificatePem],
    ["apiserver.key", apiServer.keyPem],
    ["sa.pub", serviceAccounts.publicKey.export({ type: "spki", format: "pem" }).toString()],
    ["sa.key", serviceAccounts.privateKey.export({ type: "pkcs8", format: "pem" }).toString()],
  ]);
  addAuthority(files, "ca", clusterCa);
  addAuthority(files, "front-proxy-ca", frontProxyCa);
  addAuthority(files, "etcd/ca", etcdCa);
  addAuthority(files, "constellation/ca", serviceCa);
  return { clusterCa, serviceCa, files };
}

/** Writes the files of a PKI below a folder, keys readable by the owner only. */
export async function writePki(directory: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o600 });
  }
}

function addAuthority(files: Map<string, string>, name: string, ca: TestCa): void {
  files.set(`${name}.crt`, ca.certificatePem);
  files.set(`${name}.key`, ca.keyPem);
}
