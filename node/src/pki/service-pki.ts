import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "../disk/files.ts";
import { createKeyPair, issueCertificate, issueSelfSigned, privateKeyPem } from "./certificate.ts";

/** Services that authenticate each other by certificates of the internal CA. */
const SERVICES = ["key-service", "join-service"] as const;

const LIFETIME_MS = 10 * 365 * 24 * 3600_000;
/** Clocks of machines differ: a certificate is valid a little before it was made. */
const BACKDATE_MS = 2 * 3600_000;

/**
 * Makes the small CA under which key service and join service know each other, and their certificates. A set that is
 * complete stays: other control planes already have copies.
 */
export async function writeServicePki(directory: string, now: Date): Promise<void> {
  if (existsSync(join(directory, "complete"))) return;
  const validity = {
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + LIFETIME_MS),
  };
  const ca = createKeyPair();
  const subject = { commonName: "constellation-services" };
  const caRequest = { subject, publicKey: ca.publicKey, usage: "ca", altNames: [], ...validity } as const;
  const caPem = issueSelfSigned(caRequest, ca.privateKey);
  await writeFileAtomic(join(directory, "ca.crt"), caPem, 0o644);
  await writeFileAtomic(join(directory, "ca.key"), privateKeyPem(ca.privateKey), 0o600);
  for (const name of SERVICES) {
    const keys = createKeyPair();
    const certificate = issueCertificate(
      {
        subject: { commonName: name },
        publicKey: keys.publicKey,
        usage: "client-and-server",
        altNames: [{ uri: `constellation://service/${name}` }, { dns: name }, { ip: "127.0.0.1" }],
        ...validity,
      },
      { certificatePem: caPem, privateKey: ca.privateKey },
    );
    await writeFileAtomic(join(directory, `${name}.crt`), certificate, 0o644);
    await writeFileAtomic(join(directory, `${name}.key`), privateKeyPem(keys.privateKey), 0o600);
  }
  await writeFileAtomic(join(directory, "complete"), "", 0o644);
}
