import { join } from "node:path";
import type { EtcdSecretsKey } from "@constellation/keys";
import { writeFileAtomic } from "../disk/files.ts";
import { PATHS } from "../options.ts";
import {
  admissionConfiguration,
  auditPolicy,
  authenticationConfiguration,
  ENCRYPTION_CONFIG,
  encryptionConfiguration,
  POLICY_FILES,
} from "./policies.ts";

/** Writes the API server's policies that are the same in every cluster. */
export async function writePolicies(root: string): Promise<void> {
  const write = (name: keyof typeof POLICY_FILES, document: object): Promise<void> =>
    writeFileAtomic(
      join(root + PATHS.policies, POLICY_FILES[name]),
      `${JSON.stringify(document, undefined, 1)}\n`,
      0o644,
    );
  await write("audit", auditPolicy());
  await write("admission", admissionConfiguration());
  await write("authentication", authenticationConfiguration());
}

/** Writes the key under which secrets are encrypted in etcd. Joining control planes get the file with their ticket. */
export async function writeEncryptionConfig(root: string, key: EtcdSecretsKey): Promise<void> {
  const text = `${JSON.stringify(encryptionConfiguration(key), undefined, 1)}\n`;
  await writeFileAtomic(root + ENCRYPTION_CONFIG, text, 0o600);
}
