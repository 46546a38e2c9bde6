import { isIP, SocketAddress } from "node:net";
import type { NodeRecord } from "@constellation/cluster-state";
import { type RequestedRole, refusal } from "./errors.ts";

/** What a node asks for when it joins; only compared with its record. */
export interface JoinRequest {
  readonly role: RequestedRole;
  readonly diskUuid: string;
  readonly nodeAddresses: readonly string[];
}

/** What a joining node is given, from its record. */
export interface JoinDecision {
  readonly record: NodeRecord;
  /** Addresses for the serving certificate. */
  readonly addresses: readonly string[];
}

const MAX_ADDRESSES = 4;

/**
 * Decides whether a node gets what it asks for: exactly the role and disk on record, and no address but the one it
 * speaks from.
 * @param remoteAddress where the connection came from
 * @throws JoinError `role_mismatch`, `disk_mismatch`, `address_mismatch`
 */
export function decideJoin(record: NodeRecord, request: JoinRequest, remoteAddress: string): JoinDecision {
  requireRole(record, request.role);
  requireDisk(record, request.diskUuid);
  return { record, addresses: requireOwnAddresses(request.nodeAddresses, remoteAddress) };
}

/**
 * Decides whether a known node gets the key of its disk again.
 * @throws JoinError `disk_mismatch`
 */
export function decideRejoin(record: NodeRecord, diskUuid: string): NodeRecord {
  requireDisk(record, diskUuid);
  return record;
}

function requireRole(record: NodeRecord, role: RequestedRole): void {
  if (role !== record.role) throw refusal("role_mismatch", "role", role, `"${record.role}"`);
}

function requireDisk(record: NodeRecord, diskUuid: string): void {
  if (diskUuid !== record.diskUuid) throw refusal("disk_mismatch", "disk_uuid", diskUuid, `"${record.diskUuid}"`);
}

/** A serving certificate for another node's address would let this node stand in for it. */
function requireOwnAddresses(addresses: readonly string[], remoteAddress: string): string[] {
  const own = canonicalAddress(remoteAddress);
  const wanted = `"${own ?? "an IP address"}", where the connection comes from`;
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES) {
    throw refusal("address_mismatch", "node_addresses", `${addresses.length} addresses`, wanted);
  }
  const foreign = addresses.find((address) => own === undefined || canonicalAddress(address) !== own);
  if (foreign !== undefined) throw refusal("address_mismatch", "node_addresses", foreign, wanted);
  return own === undefined ? [] : [own];
}

/** One text for each address: IPv6 in its short form, and IPv4 that came in IPv6 clothes as IPv4. */
function canonicalAddress(text: string): string | undefined {
  const address = text.replace(/^::ffff:(?=[0-9.]+$)/i, "");
  const family = isIP(address);
  if (family === 0 || address.includes("%")) return undefined;
  return new SocketAddress({ address, family: family === 4 ? "ipv4" : "ipv6" }).address;
}
