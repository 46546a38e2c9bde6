import { createHash } from "node:crypto";
import { concat, hex } from "@constellation/bytes";
import { AttestationError } from "./error.ts";

const CLUSTER_ID_BYTES = 32;
const DIGEST_BYTES = 32;

/**
 * PCR 15 of a node that belongs to a cluster, hexadecimal: zeros extended once with SHA-256 of the 32 bytes of the
 * cluster ID. Throws `AttestationError` "cluster_id_length".
 */
export function clusterIdPcr(clusterId: Uint8Array): string {
  if (clusterId.length !== CLUSTER_ID_BYTES) {
    throw new AttestationError(
      "cluster_id_length",
      `Compute cluster PCR failed: got a cluster ID of "${clusterId.length}" bytes, wanted "${CLUSTER_ID_BYTES}"`,
    );
  }
  return hex(sha256(concat(new Uint8Array(DIGEST_BYTES), sha256(clusterId))));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
