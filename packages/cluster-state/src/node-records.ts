import { isUuid } from "@constellation/keys";
import { ClusterStateError } from "./errors.ts";
import { parseJson, shown, strictChoice, strictList, strictObject, strictString } from "./strict-json.ts";

export const NODE_ROLES = ["control-plane", "worker"] as const;
export type NodeRole = (typeof NODE_ROLES)[number];

/** Which machine may be which node. Written by the operator's side, never by the node it is about (T5). */
export interface NodeRecord {
  /** The Kubernetes node name (a DNS label). */
  readonly name: string;
  readonly role: NodeRole;
  /**
   * SHA-256 of what the machine is known by, lower-case hexadecimal: its TPM's endorsement key (DER
   * SubjectPublicKeyInfo), or what package attestation reads from evidence of other variants (`machineClaims`).
   */
  readonly ekDigest: string;
  /** LUKS UUID of the node's state disk, lower case. */
  readonly diskUuid: string;
}

const FIELD = "nodes.json";
const MAX_NODES = 5000;
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Parses `nodes.json`: names, endorsement identities and disks are each unique.
 * @throws ClusterStateError
 */
export function parseNodeRecords(json: string): NodeRecord[] {
  const records = strictList(parseJson(json, FIELD), FIELD, MAX_NODES).map(parseNodeRecord);
  for (const key of ["name", "ekDigest", "diskUuid"] as const) requireUnique(records, key);
  return records;
}

function parseNodeRecord(value: unknown, index: number): NodeRecord {
  const at = `${FIELD}[${index}]`;
  const { name, role, ekDigest, diskUuid } = strictObject(value, at, ["name", "role", "ekDigest", "diskUuid"]);
  return {
    name: strictString(name, `${at}.name`, "a DNS label", (text) => DNS_LABEL.test(text)),
    role: strictChoice(role, `${at}.role`, NODE_ROLES),
    ekDigest: strictString(ekDigest, `${at}.ekDigest`, "64 hexadecimal digits", (text) => DIGEST.test(text)),
    diskUuid: strictString(diskUuid, `${at}.diskUuid`, "a lower-case UUID", isUuid),
  };
}

function requireUnique(records: readonly NodeRecord[], key: "name" | "ekDigest" | "diskUuid"): void {
  const seen = new Set<string>();
  for (const [index, record] of records.entries()) {
    if (seen.has(record[key])) {
      throw new ClusterStateError(
        "not_unique",
        `${FIELD}[${index}].${key}`,
        `${shown(record[key])} a second time`,
        `a ${key} of its own for each node`,
      );
    }
    seen.add(record[key]);
  }
}
