import { createHash } from "node:crypto";
import { fromUtf8 } from "@constellation/bytes";
import { KEY_LENGTH_BYTES, type MasterSecret, Secret } from "@constellation/keys";
import {
  type ClusterKeyManagement,
  describeKms,
  openRootKey,
  type OpenedKeyManagement,
  requireRootOfCluster,
} from "@constellation/kms/root";
import { describeError, type Log, readMountedSecret } from "@constellation/pod";
import { KeyServiceError } from "./errors.ts";

/** A root key that an external KMS wrapped, as the Kubernetes secrets hold it. */
export interface WrappedRoot {
  /** Changes with any byte of it. */
  readonly version: string;
  readonly salt: Uint8Array;
  readonly envelope: Uint8Array;
  readonly clusterId: Uint8Array;
  readonly measurementSalt: Uint8Array;
  readonly keyManagement: ClusterKeyManagement;
}

/** Where the secrets are mounted. */
export interface RootDirectories {
  readonly secretDirectory: string;
  readonly kmsDirectory: string;
}

/** Opens the KMS; see `openClusterKms`. */
export type OpenKms = (keyManagement: ClusterKeyManagement, signal: AbortSignal) => Promise<OpenedKeyManagement>;

const ENVELOPE = "mastersecret.wrapped";
const CREDENTIAL = "credentials.";

/**
 * Reads a wrapped root; undefined where the secret holds the root itself.
 * @throws KeyServiceError `master_secret_unavailable`, also where it holds both
 */
export async function readWrappedRoot(
  { secretDirectory, kmsDirectory }: RootDirectories,
  signal: AbortSignal,
): Promise<WrappedRoot | undefined> {
  const isOfRoot = (name: string): boolean => ["mastersecret", ENVELOPE, "salt"].includes(name);
  const secret = await readMountedSecret(secretDirectory, isOfRoot, signal);
  const plain = secret.get("mastersecret");
  plain?.fill(0);
  const envelope = secret.get(ENVELOPE);
  if (envelope === undefined) return undefined;
  if (plain !== undefined) throw unavailable(`a root key and its wrapped form in "${secretDirectory}"`, "one of them");
  const files = await readMountedSecret(kmsDirectory, () => true, signal);
  const ofLength = (name: string, from = files): Uint8Array => {
    const value = from.get(name);
    if (value?.length === KEY_LENGTH_BYTES) return value;
    throw unavailable(`"${value?.length ?? 0}" bytes of ${name}`, `"${KEY_LENGTH_BYTES}"`);
  };
  const salt = ofLength("salt", secret);
  return {
    version: digestOf([envelope, salt, ...files.values()]),
    salt,
    envelope,
    clusterId: ofLength("clusterid"),
    measurementSalt: ofLength("measurementsalt"),
    keyManagement: keyManagementOf(files, kmsDirectory),
  };
}

/** Opens a wrapped root by the KMS, and sees that it is this cluster's. Leaves one audit line either way. */
export async function openWrappedRoot(
  root: WrappedRoot,
  { openKms, log, nowMs }: { readonly openKms: OpenKms; readonly log: Log; readonly nowMs: () => number },
  signal: AbortSignal,
): Promise<MasterSecret> {
  const { keyManagement, clusterId, salt, envelope, measurementSalt } = root;
  const kms = describeKms(keyManagement.kms);
  const start = nowMs();
  const audit = (fields: Record<string, string>): void =>
    log.record("root-unwrap", { ...fields, kms, durationMs: Math.round(nowMs() - start) });
  try {
    const opened = await openKms(keyManagement, signal);
    const master = await openRootKey(opened.kms, clusterId, { generation: 1, envelope }, signal);
    try {
      requireRootOfCluster(clusterId, { master, salt, measurementSalt });
    } catch (error) {
      master.wipe();
      throw error;
    }
    audit({ outcome: "opened" });
    return master;
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    audit({ outcome: "failed", code: typeof code === "string" ? code : "internal", reason: describeError(cause) });
    throw new KeyServiceError(
      "master_secret_unavailable",
      `Open master secret by ${kms} failed: ${describeError(cause)}`,
      { cause },
    );
  }
}

function keyManagementOf(files: ReadonlyMap<string, Uint8Array>, directory: string): ClusterKeyManagement {
  const [kms, storage] = [files.get("kms"), files.get("storage")];
  if (kms === undefined || storage === undefined) throw unavailable(`no kms and storage in "${directory}"`, "both");
  const credentials = new Map<string, Secret>();
  for (const [name, bytes] of files) {
    if (!name.startsWith(CREDENTIAL)) continue;
    credentials.set(name.slice(CREDENTIAL.length), new Secret(bytes));
    bytes.fill(0);
  }
  return { kms: fromUtf8(kms), storage: fromUtf8(storage), credentials };
}

function digestOf(parts: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(String(part.length)).update(":").update(part);
  return hash.digest("hex");
}

function unavailable(got: string, wanted: string): KeyServiceError {
  return new KeyServiceError("master_secret_unavailable", `Read master secret failed: got ${got}, wanted ${wanted}`);
}
