/** Frames for tests, built field by field. */
import { GATEWAY_MAC } from "../addressing.ts";
import { parseIpv4, parseMac } from "./ethernet.ts";
import { internetChecksum } from "./udp-frame.ts";

/** An IPv4 packet to build; what is left out has an ordinary value. */
export interface PacketFields {
  sourceMac: string;
  destinationMac?: string;
  source: string;
  destination: string;
  protocol?: number;
  /** Bytes 6 and 7 of the header: flags and fragment offset. */
  fragmentField?: number;
  /** Header length in 32-bit words. */
  headerWords?: number;
  payload?: Uint8Array;
}

/** The frame of an IPv4 packet. */
export function ipv4Frame(fields: PacketFields): Uint8Array {
  const headerLength = (fields.headerWords ?? 5) * 4;
  const payload = fields.payload ?? new Uint8Array(8);
  const frame = new Uint8Array(14 + headerLength + payload.length);
  const view = new DataView(frame.buffer);
  frame.set(parseMac(fields.destinationMac ?? GATEWAY_MAC), 0);
  frame.set(parseMac(fields.sourceMac), 6);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x40 | (fields.headerWords ?? 5));
  view.setUint16(16, headerLength + payload.length);
  view.setUint16(20, fields.fragmentField ?? 0);
  view.setUint8(22, 64);
  view.setUint8(23, fields.protocol ?? 6);
  frame.set(parseIpv4(fields.source), 26);
  frame.set(parseIpv4(fields.destination), 30);
  view.setUint16(24, internetChecksum(frame.subarray(14, 14 + headerLength)));
  frame.set(payload, 14 + headerLength);
  return frame;
}

/** A TCP header without options; `flags`: FIN 1, SYN 2, RST 4, ACK 16. */
export function tcpSegment(sourcePort: number, destinationPort: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint8(12, 0x50);
  view.setUint8(13, flags);
  view.setUint16(14, 65_535);
  return bytes;
}

/** A UDP datagram. */
export function udpDatagram(
  sourcePort: number,
  destinationPort: number,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint16(4, bytes.length);
  bytes.set(data, 8);
  return bytes;
}

/** An ARP packet for IPv4 over Ethernet; `operation` 1 asks, 2 answers. */
export function arpFrame(fields: {
  operation: 1 | 2;
  frameMac?: string;
  senderMac: string;
  sender: string;
  target: string;
  destinationMac?: string;
}): Uint8Array {
  const frame = new Uint8Array(42);
  const view = new DataView(frame.buffer);
  frame.set(parseMac(fields.destinationMac ?? "ff:ff:ff:ff:ff:ff"), 0);
  frame.set(parseMac(fields.frameMac ?? fields.senderMac), 6);
  view.setUint16(12, 0x0806);
  frame.set([0, 1, 8, 0, 6, 4, 0, fields.operation], 14);
  frame.set(parseMac(fields.senderMac), 22);
  frame.set(parseIpv4(fields.sender), 28);
  frame.set(parseIpv4(fields.target), 38);
  return frame;
}
