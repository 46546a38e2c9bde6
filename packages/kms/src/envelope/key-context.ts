import { fromHex, fromUtf8, hex, utf8 } from "@constellation/bytes";
import { formatKeyId, type KeyId, parseKeyId } from "@constellation/keys";
import { KmsError } from "../error.ts";

/** Which key of which cluster a wrapped key is. */
export interface KeyContext {
  /** 32 bytes, public. */
  readonly clusterId: Uint8Array;
  readonly keyId: KeyId;
}

const CLUSTER_ID_BYTES = 32;
const FORM = /^constellation\/v1\/wrapped-key\/([0-9a-f]{64})\/(.+)$/;

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
  return utf8(`constellation/v1/wrapped-key/${hex(clusterId)}/${formatKeyId(keyId)}`);
}

/** Reads associated data back; undefined for any that `formatKeyContext` does not give. */
export function parseKeyContext(associatedData: Uint8Array): KeyContext | undefined {
  try {
    const [, cluster, keyId] = FORM.exec(fromUtf8(associatedData)) ?? [];
    return cluster === undefined ? undefined : { clusterId: fromHex(cluster), keyId: parseKeyId(keyId as string) };
  } catch {
    return undefined;
  }
}
