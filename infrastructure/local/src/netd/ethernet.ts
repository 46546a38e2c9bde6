/** Reading of Ethernet, ARP, IPv4, UDP and TCP headers; every function takes a whole frame and checks its length. */

/** Ethernet types that the switch looks into. */
export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806 } as const;

/** IP protocol numbers that the switch looks into. */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;

/** Length of an Ethernet header without VLAN tag. */
export const ETHERNET_HEADER = 14;

/** An IPv4 packet's header fields, with its transport payload. */
export interface Ipv4Packet {
  source: string;
  destination: string;
  protocol: number;
  /** A fragment other than an unfragmented packet: offset is not zero or more follow. */
  fragment: boolean;
  hasOptions: boolean;
  payload: Uint8Array;
}

/** Who says it is where, and who is asked for. */
export interface ArpPacket {
  senderMac: string;
  senderAddress: string;
  targetAddress: string;
}

/** Ports of a UDP datagram or TCP segment; flags are TCP's. */
export interface Ports {
  source: number;
  destination: number;
  /** TCP flags octet (FIN 1, SYN 2, RST 4, ACK 16); 0 for UDP. */
  flags: number;
}

/** TCP flag bits. */
export const TCP_FLAG = { syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/** Six bytes as `aa:bb:cc:dd:ee:ff`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  let text = "";
  for (let i = 0; i < 6; i++) text += (i === 0 ? "" : ":") + HEX[bytes[offset + i] ?? 0];
  return text;
}

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** `aa:bb:cc:dd:ee:ff` as six bytes. */
export function parseMac(text: string): Uint8Array {
  const bytes = text.split(":").map((part) => Number.parseInt(part, 16));
  if (bytes.length !== 6 || bytes.some((b) => !(b >= 0 && b <= 255))) {
    throw new TypeError(`Parse MAC failed: got "${text}", wanted six bytes in hexadecimal`);
  }
  return Uint8Array.from(bytes);
}

/** Four bytes as dotted decimal. */
export function formatIpv4(bytes: Uint8Array, offset = 0): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** Dotted decimal as four bytes. */
export function parseIpv4(text: string): Uint8Array {
  const bytes = text.split(".").map(Number);
  if (bytes.length !== 4 || bytes.some((b) => !(Number.isInteger(b) && b >= 0 && b <= 255))) {
    throw new TypeError(`Parse IPv4 address failed: got "${text}", wanted four decimal bytes`);
  }
  return Uint8Array.from(bytes);
}

/** Big-endian 16-bit number at `offset`; 0 beyond the end (callers check lengths first). */
export function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

/** The Ethernet type of a frame. */
export function etherType(frame: Uint8Array): number {
  return u16(frame, 12);
}

/** Whether the frame's destination is a group address (broadcast or multicast). */
export function isGroup(frame: Uint8Array): boolean {
  return ((frame[0] ?? 0) & 1) === 1;
}

/** The frame's IPv4 packet, or undefined when it is something else or malformed (RFC 791). */
export function parseIpv4Frame(frame: Uint8Array): Ipv4Packet | undefined {
  if (frame.length < ETHERNET_HEADER + 20 || etherType(frame) !== ETHERTYPE.ipv4) return undefined;
  const packet = frame.subarray(ETHERNET_HEADER);
  const first = packet[0] ?? 0;
  const headerLength = (first & 0x0f) * 4;
  const totalLength = u16(packet, 2);
  if (first >> 4 !== 4 || headerLength < 20 || totalLength < headerLength || totalLength > packet.length)
    return undefined;
  return {
    source: formatIpv4(packet, 12),
    destination: formatIpv4(packet, 16),
    protocol: packet[9] ?? 0,
    fragment: (u16(packet, 6) & 0x3fff) !== 0,
    hasOptions: headerLength > 20,
    payload: packet.subarray(headerLength, totalLength),
  };
}

/** The frame's ARP packet for IPv4 over Ethernet, or undefined when it is something else or malformed (RFC 826). */
export function parseArpFrame(frame: Uint8Array): ArpPacket | undefined {
  if (frame.length < ETHERNET_HEADER + 28 || etherType(frame) !== ETHERTYPE.arp) return undefined;
  if (u16(frame, 14) !== 1 || u16(frame, 16) !== ETHERTYPE.ipv4 || u16(frame, 18) !== 0x0604) return undefined;
  return {
    senderMac: formatMac(frame, 22),
    senderAddress: formatIpv4(frame, 28),
    targetAddress: formatIpv4(frame, 38),
  };
}

/** The ports of an unfragmented UDP or TCP packet, or undefined when there are none. */
export function parsePorts(packet: Ipv4Packet): Ports | undefined {
  const { payload, protocol } = packet;
  if (packet.fragment) return undefined;
  if (protocol === PROTOCOL.udp && payload.length >= 8) {
    return { source: u16(payload, 0), destination: u16(payload, 2), flags: 0 };
  }
  if (protocol === PROTOCOL.tcp && payload.length >= 20) {
    return { source: u16(payload, 0), destination: u16(payload, 2), flags: payload[13] ?? 0 };
  }
  return undefined;
}
