import { createHash } from "node:crypto";

/** What a node of the cluster is for. */
export type NodeRole = "control-plane" | "worker";

/** The guests' network: one /24 per cluster, the same in each as none sees another's. */
export const GUEST_NETWORK = {
  cidr: "10.42.0.0/24",
  prefix: "10.42.0.",
  netmask: "255.255.255.0",
  gateway: "10.42.0.1",
  dns: "10.42.0.3",
  mtu: 1500,
} as const;

/** libslirp's own addresses have the MAC 52:55 followed by the IPv4 address. */
export const GATEWAY_MAC = "52:55:0a:2a:00:01";

/** Port on which a control plane is initialised. */
export const INIT_PORT = 9000;

/** Ports of the nodes that are reachable from the host: API server, init, recover, verify, join. */
export const NODE_PORTS = [6443, INIT_PORT, 9999, 30081, 30090] as const;

/** Most nodes of each role; the guest addresses end there. */
export const MAX_NODES: Record<NodeRole, number> = { "control-plane": 90, worker: 150 };

const FIRST_HOST: Record<NodeRole, number> = { "control-plane": 10, worker: 100 };

/** Where one node is found. */
export interface NodeAddresses {
  mac: string;
  /** IPv4 address in the guests' network. */
  address: string;
  /** Loopback address of the host on which the node's ports are forwarded. */
  loopbackAddress: string;
}

/** The name of node `index` of `role`. */
export function nodeName(role: NodeRole, index: number): string {
  return `${role}-${index}`;
}

/** The first three bytes of the cluster's loopback network 127.A.B.0/24, derived from its uid. */
function loopbackPrefix(uid: string): string {
  const digest = createHash("sha256").update("constellation/v1/local-loopback").update(uid).digest();
  return `127.${1 + ((digest[0] ?? 0) % 254)}.${digest[1] ?? 0}.`;
}

/** The loopback address of the cluster's endpoint, behind which all control planes stand. */
export function endpointAddress(uid: string): string {
  return `${loopbackPrefix(uid)}1`;
}

/** MAC and addresses of node `index` of `role` in the cluster `uid`. */
export function nodeAddresses(uid: string, role: NodeRole, index: number): NodeAddresses {
  const host = FIRST_HOST[role] + index;
  const tail = [role === "worker" ? 1 : 0, index >> 8, index & 0xff].map((n) => n.toString(16).padStart(2, "0"));
  return {
    mac: `52:54:00:${tail.join(":")}`,
    address: `${GUEST_NETWORK.prefix}${host}`,
    loopbackAddress: `${loopbackPrefix(uid)}${host}`,
  };
}
