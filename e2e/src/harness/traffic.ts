import { GUEST_NETWORK } from "@constellation/infrastructure-local";
import { type Frame, type Ipv4Frame, parseFrame } from "./frame.ts";

/** What may pass in clear between nodes; everything else between them must be WireGuard. */
export interface TrafficRules {
  /** Addresses of the nodes. */
  readonly nodes: ReadonlySet<string>;
  /** TCP ports that stand in SPECIFICATION.md, "What passes in clear", for the time of the capture. */
  readonly clearTcpPorts: readonly number[];
}

/** What was on the wire: how many frames of each sort, and the sorts that should not be there. */
export interface TrafficReport {
  readonly counts: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
}

const WIREGUARD_PORT = 51871;
/** API server, init, recover, verify, join: bootstrap traffic whose protection is its own. */
export const BOOTSTRAP_TCP_PORTS: readonly number[] = [6443, 9000, 9999, 30081, 30090];
/** etcd and kubelet, until WireGuard is up between two nodes. */
export const BEFORE_WIREGUARD_TCP_PORTS: readonly number[] = [...BOOTSTRAP_TCP_PORTS, 2379, 2380, 10250];
/** Networks of pods and services: never seen outside of WireGuard. */
const CLUSTER_NETWORKS = [/^10\.244\./, /^10\.(9[6-9]|10\d|11[01])\./];

/** Sorts all frames of a capture, and judges each sort by the rules. */
export function judgeTraffic(frames: Iterable<Uint8Array>, rules: TrafficRules): TrafficReport {
  const counts = new Map<string, number>();
  const violations = new Set<string>();
  // A fragment is what the first one of its datagram was.
  const fragmented = new Map<string, Judgement>();
  for (const bytes of frames) {
    const frame = parseFrame(bytes);
    const first = frame.kind === "ipv4" && frame.protocol === "fragment" ? fragmented.get(frame.datagram) : undefined;
    const judgement = first ?? judge(frame, rules);
    if (frame.kind === "ipv4" && frame.hasMore) fragmented.set(frame.datagram, judgement);
    const { sort, allowed } = judgement;
    counts.set(sort, (counts.get(sort) ?? 0) + 1);
    if (!allowed) violations.add(sort);
  }
  return { counts, violations: [...violations].toSorted() };
}

/** The report in lines, most frequent first. */
export function describeTraffic({ counts, violations }: TrafficReport): string {
  const lines = [...counts].toSorted(([, a], [, b]) => b - a).map(([sort, count]) => `  ${count} x ${sort}`);
  return [...lines, ...violations.map((sort) => `  NOT ALLOWED: ${sort}`)].join("\n");
}

interface Judgement {
  readonly sort: string;
  readonly allowed: boolean;
}

function judge(frame: Frame, rules: TrafficRules): Judgement {
  switch (frame.kind) {
    case "arp":
      return { sort: "ARP", allowed: true };
    case "ipv6":
      return { sort: "IPv6", allowed: false };
    case "other":
      return { sort: `EtherType 0x${frame.etherType.toString(16)}`, allowed: false };
    case "ipv4":
      return judgeIpv4(frame, rules);
  }
}

function judgeIpv4(frame: Ipv4Frame, rules: TrafficRules): Judgement {
  if (isDhcp(frame)) return { sort: "DHCP", allowed: true };
  const addresses = [frame.source, frame.destination];
  const clusterAddress = addresses.find((address) => CLUSTER_NETWORKS.some((network) => network.test(address)));
  if (clusterAddress !== undefined) return { sort: `pods or services in clear: ${describe(frame)}`, allowed: false };
  if (addresses.every((address) => rules.nodes.has(address))) return judgeBetweenNodes(frame, rules);
  return { sort: `node and ${outsider(frame, rules)}: ${service(frame)}`, allowed: true };
}

function judgeBetweenNodes(frame: Ipv4Frame, rules: TrafficRules): Judgement {
  const ports = [frame.sourcePort, frame.destinationPort];
  if (frame.protocol === "udp" && ports.includes(WIREGUARD_PORT)) {
    return { sort: "between nodes: WireGuard", allowed: true };
  }
  if (frame.protocol === "icmp" && frame.about !== undefined) {
    const { allowed } = judgeBetweenNodes(frame.about, rules);
    return { sort: `between nodes: ICMP error about ${service(frame.about)}`, allowed };
  }
  const allowed = frame.protocol === "tcp" && ports.some((port) => rules.clearTcpPorts.includes(port));
  return { sort: `between nodes: ${service(frame)}`, allowed };
}

/** RFC 2131, section 4.1. */
function isDhcp({ protocol, sourcePort, destinationPort }: Ipv4Frame): boolean {
  const ports = `${Math.min(sourcePort, destinationPort)}-${Math.max(sourcePort, destinationPort)}`;
  return protocol === "udp" && ports === "67-68";
}

function outsider({ source, destination }: Ipv4Frame, { nodes }: TrafficRules): string {
  const address = nodes.has(source) ? destination : source;
  if (address === GUEST_NETWORK.gateway) return "gateway";
  return address === GUEST_NETWORK.dns ? "resolver" : "outside";
}

/** Protocol and service: the smaller port is the one that is listened on, which is good enough to read. */
function service({ protocol, sourcePort, destinationPort }: Ipv4Frame): string {
  return protocol === "tcp" || protocol === "udp" ? `${protocol}/${Math.min(sourcePort, destinationPort)}` : protocol;
}

function describe(frame: Ipv4Frame): string {
  return `${frame.source} to ${frame.destination} ${service(frame)}`;
}
