import { fromUtf8 } from "@constellation/bytes";
import { KeysError, parseKeyringEntries, Secret, type StoredGeneration } from "@constellation/keys";
import { readMountedSecret } from "@constellation/pod";
import { JoinError } from "./errors.ts";

/** A generation of the root key as the KMS wrapped it. */
export interface WrappedRoot {
  readonly generation: number;
  readonly salt: Uint8Array;
  readonly envelope: Uint8Array;
}

/** What a control plane of a cluster with an external KMS needs to recover by itself. */
export interface SelfRecovery {
  readonly kmsUri: string;
  readonly storageUri: string;
  readonly credentials: ReadonlyMap<string, Secret>;
  readonly clusterId: Uint8Array;
  readonly measurementSalt: Uint8Array;
  readonly roots: readonly WrappedRoot[];
}

/** Gives it for one ticket; undefined in a cluster without an external KMS. */
export type SelfRecoverySource = (signal: AbortSignal) => Promise<SelfRecovery | undefined>;

const CREDENTIAL = "credentials.";

/**
 * Reads the mounted Kubernetes secrets at each use. Of the root key's secret, only what the KMS wrapped is mounted.
 * @throws JoinError `kms_unavailable` where there is a wrapped root and no whole way to its KMS, or a way and no wrapped root
 */
export function mountedSelfRecovery(directories: {
  readonly kms: string;
  readonly wrappedRoot: string;
}): SelfRecoverySource {
  return async (signal) => {
    const root = await readMountedSecret(directories.wrappedRoot, () => true, signal);
    const files = await readMountedSecret(directories.kms, () => true, signal);
    if (![...root.keys()].some((name) => name.endsWith(".wrapped"))) {
      if (files.size === 0) return undefined;
      for (const bytes of files.values()) bytes.fill(0);
      throw unavailable(`no wrapped root key in "${directories.wrappedRoot}"`, "one beside a way to a KMS");
    }
    const roots = wrappedRoots(root, directories.wrappedRoot);
    const file = (name: string): Uint8Array => {
      const value = files.get(name);
      if (value !== undefined) return value;
      throw unavailable(`no "${name}" in "${directories.kms}"`, "it beside a wrapped root key");
    };
    const recovery = { clusterId: file("clusterid"), measurementSalt: file("measurementsalt"), roots };
    const uris = { kmsUri: fromUtf8(file("kms")), storageUri: fromUtf8(file("storage")) };
    return { ...recovery, ...uris, credentials: takeCredentials(files) };
  };
}

/**
 * A control plane's disk is under a generation that its record must open.
 * @throws JoinError `kms_unavailable` where the kubelet has not brought that generation here yet
 */
export function requireGenerationOf(recovery: SelfRecovery | undefined, generation: number): void {
  if (recovery === undefined || recovery.roots.some((root) => root.generation === generation)) return;
  const got = `generation "${recovery.roots.map((root) => root.generation).join(", ")}"`;
  throw unavailable(got, `"${generation}", the disk's, among them`);
}

function wrappedRoots(entries: ReadonlyMap<string, Uint8Array>, directory: string): WrappedRoot[] {
  const stored = parseEntries(entries, directory);
  const plain = stored.filter((generation) => generation.kind === "plain");
  for (const { master } of plain) master.wipe();
  if (plain.length > 0) throw unavailable(`a generation in plain in "${directory}"`, "all wrapped");
  return stored.flatMap((root) =>
    root.kind === "wrapped" ? [{ generation: root.generation, salt: root.salt, envelope: root.wrapped }] : [],
  );
}

function parseEntries(entries: ReadonlyMap<string, Uint8Array>, directory: string): StoredGeneration[] {
  try {
    return parseKeyringEntries(Object.fromEntries(entries));
  } catch (cause) {
    if (!(cause instanceof KeysError)) throw cause;
    throw unavailable(`no keyring in "${directory}"`, "salt and envelope of each generation", { cause });
  } finally {
    for (const bytes of entries.values()) bytes.fill(0);
  }
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

function unavailable(got: string, wanted: string, options?: ErrorOptions): JoinError {
  return new JoinError("kms_unavailable", `Read self-recovery failed: got ${got}, wanted ${wanted}`, options);
}
