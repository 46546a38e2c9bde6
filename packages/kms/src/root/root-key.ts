import { equalConstantTime, hex } from "@constellation/bytes";
import { deriveClusterId, KEY_LENGTH_BYTES, MasterSecret } from "@constellation/keys";
import { formatKeyContext, formatWrappedKeyId, type RootKeyId } from "../envelope/key-context.ts";
import { KmsError } from "../error.ts";
import type { KeyManagementService } from "../key-wrapper.ts";
import type { WrappedKeyStore } from "../store/wrapped-key-store.ts";

/** A generation of a cluster's root key, as the KMS wrapped it. All of it is public. */
export interface WrappedRootKey {
  readonly generation: number;
  /** Of this generation. */
  readonly salt: Uint8Array;
  readonly envelope: Uint8Array;
}

/**
 * Opens a wrapped root key by the KMS.
 * @throws KmsError `wrong_cluster`, `wrong_key_id`, `wrong_kms`, `wrapped_key_corrupt` and those of the KMS
 */
export async function openRootKey(
  kms: KeyManagementService,
  clusterId: Uint8Array,
  { generation, envelope }: Pick<WrappedRootKey, "generation" | "envelope">,
  signal: AbortSignal,
): Promise<MasterSecret> {
  const secret = await kms.unwrap(envelope, contextOf(clusterId, generation), signal);
  try {
    if (secret.lengthBytes === KEY_LENGTH_BYTES) return new MasterSecret(secret.reveal());
    const got = `a root key of "${secret.lengthBytes}" bytes`;
    throw new KmsError("kms_answer", `Open root key failed: got ${got}, wanted "${KEY_LENGTH_BYTES}"`);
  } finally {
    secret.wipe();
  }
}

/**
 * Wraps a root key by the KMS, puts it into the store where there is one, and opens what is kept once more: only then is
 * it known that it can be opened again. An envelope that the store has from an earlier try must hold this very key.
 * @throws KmsError; `root_key_differs` where what was opened is another key
 */
export async function wrapRootKey(
  { kms, store }: { readonly kms: KeyManagementService; readonly store: WrappedKeyStore | undefined },
  clusterId: Uint8Array,
  root: { readonly generation: number; readonly salt: Uint8Array; readonly master: MasterSecret },
  signal: AbortSignal,
): Promise<WrappedRootKey> {
  const { generation, salt, master } = root;
  const fresh = await kms.wrap(master, contextOf(clusterId, generation), signal);
  await requireOpens(kms, clusterId, { generation, envelope: fresh }, master, signal);
  if (store === undefined) return { generation, salt, envelope: fresh };
  const id = `${hex(clusterId)}/${formatWrappedKeyId(idOf(generation))}`;
  await store.putIfAbsent(id, fresh, signal);
  const envelope = await store.get(id, signal);
  if (envelope === undefined) {
    throw new KmsError("store_answer", `Keep root key failed: got no wrapped key "${id}" back, wanted it`);
  }
  await requireOpens(kms, clusterId, { generation, envelope }, master, signal);
  return { generation, salt, envelope };
}

/**
 * Refuses a first generation that is not this cluster's: the cluster ID comes from it.
 * @throws KmsError `root_key_differs`
 */
export function requireRootOfCluster(
  clusterId: Uint8Array,
  { master, salt, measurementSalt }: { master: MasterSecret; salt: Uint8Array; measurementSalt: Uint8Array },
): void {
  const derived = deriveClusterId(master, salt, measurementSalt);
  if (equalConstantTime(derived, clusterId)) return;
  throw differs(`one that gives cluster ID "${hex(derived)}"`, `"${hex(clusterId)}"`);
}

async function requireOpens(
  kms: KeyManagementService,
  clusterId: Uint8Array,
  wrapped: Pick<WrappedRootKey, "generation" | "envelope">,
  master: MasterSecret,
  signal: AbortSignal,
): Promise<void> {
  const opened = await openRootKey(kms, clusterId, wrapped, signal);
  try {
    if (!opened.equals(master)) throw differs("another key than was wrapped", "the same");
  } finally {
    opened.wipe();
  }
}

function idOf(generation: number): RootKeyId {
  return { namespace: "root", generation };
}

function contextOf(clusterId: Uint8Array, generation: number): Uint8Array {
  return formatKeyContext({ clusterId, keyId: idOf(generation) });
}

function differs(got: string, wanted: string): KmsError {
  return new KmsError("root_key_differs", `Open root key failed: got ${got}, wanted ${wanted}`);
}
