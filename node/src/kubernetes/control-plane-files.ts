import { join } from "node:path";
import type { TimingProfile } from "@constellation/cluster-state";
import { writeFileAtomic } from "../disk/files.ts";
import { PATHS } from "../options.ts";
import {
  admissionConfiguration,
  auditPolicy,
  authenticationConfiguration,
  encryptionConfiguration,
  POLICY_FILES,
} from "./policies.ts";

/** Writes the files that the API server reads. None holds a secret. */
export async function writePolicies(root: string, profile: TimingProfile): Promise<void> {
  const write = (name: keyof typeof POLICY_FILES, document: object): Promise<void> =>
    writeFileAtomic(
      join(root + PATHS.policies, POLICY_FILES[name]),
      `${JSON.stringify(document, undefined, 1)}\n`,
      0o644,
    );
  await write("audit", auditPolicy());
  await write("admission", admissionConfiguration());
  await write("authentication", authenticationConfiguration());
  await write("encryption", encryptionConfiguration(profile));
}
