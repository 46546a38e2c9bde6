/** What a captured Ethernet frame is, as far as the tests ask. */
export type Frame =
  | { readonly kind: "arp" }
  | { readonly kind: "ipv6" }
  | { readonly kind: "other"; readonly etherType: number }
  | Ipv4Frame;

/** An IPv4 packet; ports where it is the first fragment of TCP or UDP. */
export interface Ipv4Frame {
  readonly kind: "ipv4";
  readonly source: string;
  readonly destination: string;
  readonly protocol: "tcp" | "udp" | "icmp" | "fragment" | "unknown";
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The same for all fragments of one datagram (RFC 791: addresses, protocol, identification). */
  readonly datagram: string;
  /** Whether fragments of the same datagram follow. */
  readonly hasMore: boolean;
  /** The packet that an ICMP "destination unreachable" or "time exceeded" is about. */
  readonly about?: Ipv4Frame;
}

const ETHER_TYPES: Readonly<Record<number, "arp" | "ipv6">> = { 0x0806: "arp", 0x86dd: "ipv6" };
const PROTOCOLS: Readonly<Record<number, "tcp" | "udp" | "icmp">> = { 1: "icmp", 6: "tcp", 17: "udp" };
const ETHERNET_BYTES = 14;
const ICMP_BYTES = 8;
const ICMP_ERRORS: ReadonlySet<number | undefined> = new Set([3, 11]);

/** Parses an Ethernet II frame. Whatever is no complete IPv4 header is "other". */
export function parseFrame(bytes: Uint8Array): Frame {
  const etherType = bytes.length < ETHERNET_BYTES ? 0 : ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0);
  if (etherType === 0x0800) return parseIpv4(bytes.subarray(ETHERNET_BYTES)) ?? { kind: "other", etherType };
  const kind = ETHER_TYPES[etherType];
  return kind === undefined ? { kind: "other", etherType } : { kind };
}

/** RFC 791, section 3.1. */
function parseIpv4(bytes: Uint8Array): Ipv4Frame | undefined {
  const headerBytes = ((bytes[0] ?? 0) & 15) * 4;
  if (bytes.length < 20 || bytes.length < headerBytes || headerBytes < 20) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const address = (at: number): string => bytes.subarray(at, at + 4).join(".");
  const [source, destination] = [address(12), address(16)];
  const datagram = [source, destination, bytes[9], view.getUint16(4)].join(" ");
  const hasMore = (view.getUint16(6) & 0x2000) !== 0;
  const addresses = { kind: "ipv4", source, destination, datagram, hasMore } as const;
  const noPorts = { sourcePort: 0, destinationPort: 0 };
  if ((view.getUint16(6) & 0x1fff) !== 0) return { ...addresses, ...noPorts, protocol: "fragment" };
  const protocol = PROTOCOLS[bytes[9] ?? 0] ?? "unknown";
  const body = bytes.subarray(headerBytes);
  if (protocol === "icmp") return { ...addresses, ...noPorts, protocol, ...about(body) };
  if (protocol === "unknown" || body.length < 4) return { ...addresses, ...noPorts, protocol: "unknown" };
  const [sourcePort, destinationPort] = [view.getUint16(headerBytes), view.getUint16(headerBytes + 2)];
  return { ...addresses, protocol, sourcePort, destinationPort };
}

/** RFC 792: errors carry the header and the first bytes of the packet that they are about. */
function about(icmp: Uint8Array): { about?: Ipv4Frame } {
  const packet = ICMP_ERRORS.has(icmp[0]) ? parseIpv4(icmp.subarray(ICMP_BYTES)) : undefined;
  return packet === undefined ? {} : { about: packet };
}
