import { createPrivateKey } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../disk/files.ts";
import { keyServiceAddress } from "../kubernetes/kubelet-config.ts";
import {
  type CertificateRequest,
  createKeyPair,
  issueCertificate,
  issueSelfSigned,
  privateKeyPem,
} from "./certificate.ts";

/** Services that authenticate each other, and the key service to pods, by certificates of the internal CA. */
const SERVICES = ["key-service", "join-service"] as const;
type Service = (typeof SERVICES)[number];

const LIFETIME_MS = 10 * 365 * 24 * 3600_000;
/** Clocks of machines differ: a certificate is valid a little before it was made. */
const BACKDATE_MS = 2 * 3600_000;

/**
 * Makes the small CA under which key service and join service know each other, and pods know the key service, and this
 * node's certificates for them.
 * A CA that is there stays: it is the cluster's, and on a joining control plane it came with the ticket.
 */
export async function writeServicePki(directory: string, serviceCidr: string, now: Date): Promise<void> {
  const path = (name: string): string => join(directory, name);
  if (!existsSync(path("ca.crt"))) await writeAuthority(directory, now);
  const authority = {
    certificatePem: await readFile(path("ca.crt"), "utf8"),
    privateKey: createPrivateKey(await readFile(path("ca.key"), "utf8")),
  };
  for (const name of SERVICES) {
    if (existsSync(path(`${name}.crt`))) continue;
    const keys = createKeyPair();
    const request: CertificateRequest = {
      subject: { commonName: name },
      publicKey: keys.publicKey,
      usage: "client-and-server",
      altNames: [{ uri: `constellation://service/${name}` }, ...reachedAs(name, serviceCidr)],
      ...validity(now),
    };
    await writeFileAtomic(path(`${name}.key`), privateKeyPem(keys.privateKey), 0o600);
    await writeFileAtomic(path(`${name}.crt`), issueCertificate(request, authority), 0o644);
  }
}

/** Host names and addresses under which a service is reached. Our own clients look at the URI only. */
function reachedAs(name: Service, serviceCidr: string): CertificateRequest["altNames"] {
  const local = [{ dns: name }, { ip: "127.0.0.1" }];
  if (name !== "key-service") return local;
  const service = `${name}.kube-system.svc`;
  return [...local, { dns: service }, { dns: `${service}.cluster.local` }, { ip: keyServiceAddress(serviceCidr) }];
}

/** The key is written first: a certificate in its place says that the pair is complete. */
async function writeAuthority(directory: string, now: Date): Promise<void> {
  const { publicKey, privateKey } = createKeyPair();
  const subject = { commonName: "constellation-services" };
  const request: CertificateRequest = { subject, publicKey, usage: "ca", altNames: [], ...validity(now) };
  await writeFileAtomic(join(directory, "ca.key"), privateKeyPem(privateKey), 0o600);
  await writeFileAtomic(join(directory, "ca.crt"), issueSelfSigned(request, privateKey), 0o644);
}

function validity(now: Date): Pick<CertificateRequest, "notBefore" | "notAfter"> {
  return {
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + LIFETIME_MS),
  };
}
