import { fromUtf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { readMountedSecret } from "@constellation/pod";
import { JoinError } from "./errors.ts";

/** What a control plane of a cluster with an external KMS needs to recover by itself. */
export interface SelfRecovery {
  readonly kmsUri: string;
  readonly storageUri: string;
  readonly credentials: ReadonlyMap<string, Secret>;
  readonly clusterId: Uint8Array;
  readonly measurementSalt: Uint8Array;
  readonly salt: Uint8Array;
  readonly envelope: Uint8Array;
}

/** Gives it for one ticket; undefined in a cluster without an external KMS. */
export type SelfRecoverySource = (signal: AbortSignal) => Promise<SelfRecovery | undefined>;

const CREDENTIAL = "credentials.";

/**
 * Reads the mounted Kubernetes secrets at each use. Of the root key's secret, only what the KMS wrapped is mounted.
 * @throws JoinError `kms_unavailable` where there is a wrapped root and no whole way to its KMS
 */
export function mountedSelfRecovery(directories: {
  readonly kms: string;
  readonly wrappedRoot: string;
}): SelfRecoverySource {
  return async (signal) => {
    const root = await readMountedSecret(directories.wrappedRoot, () => true, signal);
    const envelope = root.get("mastersecret.wrapped");
    if (envelope === undefined) return undefined;
    const files = await readMountedSecret(directories.kms, () => true, signal);
    const file = (name: string): Uint8Array => {
      const value = files.get(name);
      if (value !== undefined) return value;
      throw new JoinError(
        "kms_unavailable",
        `Read self-recovery failed: got no "${name}" in "${directories.kms}", wanted it beside a wrapped root key`,
      );
    };
    const salt = root.get("salt") ?? file("salt");
    const recovery = { clusterId: file("clusterid"), measurementSalt: file("measurementsalt"), salt, envelope };
    const uris = { kmsUri: fromUtf8(file("kms")), storageUri: fromUtf8(file("storage")) };
    return { ...recovery, ...uris, credentials: takeCredentials(files) };
  };
}

function takeCredentials(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Secret> {
  const credentials = new Map<string, Secret>();
  for (const [name, bytes] of files) {
    if (!name.startsWith(CREDENTIAL)) continue;
    credentials.set(name.slice(CREDENTIAL.length), new Secret(bytes));
    bytes.fill(0);
  }
  return credentials;
}
