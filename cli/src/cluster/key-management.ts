import { clusterRegisterOf } from "@constellation/attestation";
import { attestationVariant, type Config } from "@constellation/config";
import { ATTESTATION_VARIANTS } from "@constellation/config/variants";
import { Secret } from "@constellation/keys";
import { type ClusterKeyManagement, CREDENTIAL_LIMITS } from "@constellation/kms/root";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";

/**
 * Reads the files of the configuration's external KMS, and checks all of it as far as this computer can: the KMS itself is
 * asked by the first node. Undefined where the cluster keeps its root key itself.
 * @throws CliError `file-missing`, KmsError `uri_invalid`
 */
export async function readKeyManagement(
  context: Context,
  { keyManagement }: Config,
): Promise<ClusterKeyManagement | undefined> {
  if (keyManagement === undefined) return undefined;
  const credentials = new Map<string, Secret>();
  for (const [name, path] of Object.entries(keyManagement.credentials)) {
    const bytes = await context.workspace.readCredentials(path);
    if (bytes.length < 1 || bytes.length > CREDENTIAL_LIMITS.totalBytes) {
      const got = `got "${bytes.length}" bytes, wanted "1" to "${CREDENTIAL_LIMITS.totalBytes}"`;
      throw new CliError("workspace", `Read ${context.workspace.show(path)} failed: ${got}`);
    }
    credentials.set(name, new Secret(bytes));
    bytes.fill(0);
  }
  const read = { kms: keyManagement.kms, storage: keyManagement.storage, credentials };
  const { clusterKmsDependencies, openClusterKms } = await import("@constellation/kms");
  await openClusterKms(read, clusterKmsDependencies(), context.signal);
  return read;
}

/** As {@link readKeyManagement}, before anything is made. */
export async function checkKeyManagement(context: Context, config: Config): Promise<void> {
  const read = await readKeyManagement(context, config);
  for (const secret of read?.credentials.values() ?? []) secret.wipe();
}

/** Whether control planes of the configuration's variant can open their disks by the KMS: see the node's `canSeal`. */
export function recoversItself(config: Config): boolean {
  const register = clusterRegisterOf(ATTESTATION_VARIANTS[attestationVariant(config)].variant);
  return register?.kind === "pcr" && register.hash === "sha256";
}
