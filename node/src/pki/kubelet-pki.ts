import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../disk/files.ts";
import { createKeyPair, issueCertificate, privateKeyPem } from "./certificate.ts";

const LIFETIME_MS = 365 * 24 * 3600_000;
const BACKDATE_MS = 2 * 3600_000;

/** The kubelet's key and certificate, as client of the API server and as server of its own API. */
export interface KubeletIdentity {
  certificatePem: string;
  privateKeyPem: string;
}

/** Issues the kubelet's certificate with the cluster CA: on the first control plane, which has nobody else to ask. */
export async function issueKubeletIdentity(
  pkiDirectory: string,
  node: { name: string; address: string },
  now: Date,
): Promise<KubeletIdentity> {
  const certificatePem = await readFile(join(pkiDirectory, "ca.crt"), "utf8");
  const privateKey: KeyObject = createPrivateKey(await readFile(join(pkiDirectory, "ca.key"), "utf8"));
  const keys = createKeyPair();
  const certificate = issueCertificate(
    {
      subject: { commonName: `system:node:${node.name}`, organization: "system:nodes" },
      publicKey: keys.publicKey,
      usage: "client-and-server",
      altNames: [{ dns: node.name }, { ip: node.address }],
      notBefore: new Date(now.getTime() - BACKDATE_MS),
      notAfter: new Date(now.getTime() + LIFETIME_MS),
    },
    { certificatePem, privateKey },
  );
  return { certificatePem: certificate, privateKeyPem: privateKeyPem(keys.privateKey) };
}

/**
 * Writes the identity where the kubelet looks: as serving pair, and as the first of the client pairs that it rotates
 * by itself (`kubelet-client-current.pem` is a link to the newest).
 */
export async function writeKubeletIdentity(directory: string, identity: KubeletIdentity): Promise<void> {
  await writeFileAtomic(join(directory, "kubelet.crt"), identity.certificatePem, 0o644);
  await writeFileAtomic(join(directory, "kubelet.key"), identity.privateKeyPem, 0o600);
  const client = "kubelet-client-initial.pem";
  await writeFileAtomic(
    join(directory, client),
    `${identity.certificatePem.trimEnd()}\n${identity.privateKeyPem}`,
    0o600,
  );
  const current = join(directory, "kubelet-client-current.pem");
  await rm(current, { force: true });
  await symlink(join(directory, client), current);
}
