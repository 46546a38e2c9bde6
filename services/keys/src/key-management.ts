import { createHash } from "node:crypto";
import { fromUtf8 } from "@constellation/bytes";
import { KEY_LENGTH_BYTES, Secret } from "@constellation/keys";
import type { ClusterKeyManagement } from "@constellation/kms/root";
import { readMountedSecret } from "@constellation/pod";
import { KeyServiceError } from "./errors.ts";

/** The way to the cluster's external KMS, as its Kubernetes secret holds it. */
export interface WayToKms {
  readonly keyManagement: ClusterKeyManagement;
  readonly clusterId: Uint8Array;
  readonly measurementSalt: Uint8Array;
  /** Changes with any byte of it. */
  readonly version: string;
}

const CREDENTIAL = "credentials.";

/** Reads it at each use; the caller overwrites the credentials. @throws KeyServiceError `master_secret_unavailable` */
export async function readKeyManagement(directory: string, signal: AbortSignal): Promise<WayToKms> {
  const files = await readMountedSecret(directory, () => true, signal);
  try {
    const ofLength = (name: string): Uint8Array => {
      const value = files.get(name);
      if (value?.length === KEY_LENGTH_BYTES) return Uint8Array.from(value);
      throw unavailable(`"${value?.length ?? 0}" bytes of ${name} in "${directory}"`, `"${KEY_LENGTH_BYTES}"`);
    };
    const [kms, storage] = [files.get("kms"), files.get("storage")];
    if (kms === undefined || storage === undefined) throw unavailable(`no kms and storage in "${directory}"`, "both");
    const way = { clusterId: ofLength("clusterid"), measurementSalt: ofLength("measurementsalt") };
    const version = digestOf([...files].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const uris = { kms: fromUtf8(kms), storage: fromUtf8(storage) };
    return { ...way, version, keyManagement: { ...uris, credentials: credentialsOf(files) } };
  } finally {
    for (const bytes of files.values()) bytes.fill(0);
  }
}

function credentialsOf(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Secret> {
  return new Map(
    [...files].flatMap(([name, bytes]) =>
      name.startsWith(CREDENTIAL) ? [[name.slice(CREDENTIAL.length), new Secret(bytes)] as const] : [],
    ),
  );
}

/** Names and lengths keep parts apart: none can take bytes from its neighbour. */
function digestOf(files: readonly (readonly [string, Uint8Array])[]): string {
  const hash = createHash("sha256");
  for (const [name, bytes] of files) hash.update(`${name}:${bytes.length}:`).update(bytes);
  return hash.digest("hex");
}

function unavailable(got: string, wanted: string): KeyServiceError {
  return new KeyServiceError("master_secret_unavailable", `Read key management failed: got ${got}, wanted ${wanted}`);
}
