import { fromHex, fromUtf8, hex, utf8 } from "@constellation/bytes";
import { formatKeyId, isGeneration, type KeyId, MAX_GENERATION, parseKeyId } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";

/** A generation of a cluster's root key: no data key, so that no caller of the key service can name it. */
export interface RootKeyId {
  readonly namespace: "root";
  readonly generation: number;
}

/** What a wrapped key is. */
export type WrappedKeyId = KeyId | RootKeyId;

/** Which key of which cluster a wrapped key is. */
export interface KeyContext {
  /** 32 bytes, public. */
  readonly clusterId: Uint8Array;
  readonly keyId: WrappedKeyId;
}

const CLUSTER_ID_BYTES = 32;
const FORM = /^constellation\/v1\/wrapped-key\/([0-9a-f]{64})\/(.+)$/;
const ROOT = /^root\/([1-9][0-9]{0,2})$/;

/**
 * The associated data of a cluster's key: `constellation/v1/wrapped-key/<cluster ID in hex>/<key ID>` as UTF-8, text so
 * that a KMS's log can be read and its access rules can name a cluster.
 * @throws KmsError `request_invalid`
 */
export function formatKeyContext({ clusterId, keyId }: KeyContext): Uint8Array {
  if (clusterId.length !== CLUSTER_ID_BYTES) {
    const got = `got a cluster ID of "${clusterId.length}" bytes, wanted "${CLUSTER_ID_BYTES}"`;
    throw new KmsError("request_invalid", `Name wrapped key failed: ${got}`);
  }
  return utf8(`constellation/v1/wrapped-key/${hex(clusterId)}/${formatWrappedKeyId(keyId)}`);
}

/** The text form of an ID: `root/<generation>`, or that of a data key. @throws KmsError `request_invalid` */
export function formatWrappedKeyId(keyId: WrappedKeyId): string {
  if (keyId.namespace !== "root") return formatKeyId(keyId);
  const { generation } = keyId;
  if (isGeneration(generation)) return `root/${generation}`;
  const wanted = `"1" to "${MAX_GENERATION}"`;
  throw new KmsError(
    "request_invalid",
    `Name wrapped key failed: got generation ${quoted(generation)}, wanted ${wanted}`,
  );
}

/** Reads associated data back; undefined for any that `formatKeyContext` does not give. */
export function parseKeyContext(associatedData: Uint8Array): KeyContext | undefined {
  try {
    const [, cluster, keyId] = FORM.exec(fromUtf8(associatedData)) ?? [];
    return cluster === undefined ? undefined : { clusterId: fromHex(cluster), keyId: parseId(keyId as string) };
  } catch {
    return undefined;
  }
}

function parseId(text: string): WrappedKeyId {
  const [, generation] = ROOT.exec(text) ?? [];
  if (generation === undefined) return parseKeyId(text);
  const keyId: RootKeyId = { namespace: "root", generation: Number(generation) };
  formatWrappedKeyId(keyId);
  return keyId;
}
