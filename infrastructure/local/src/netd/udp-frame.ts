import { ETHERNET_HEADER } from "./ethernet.ts";

/** One UDP datagram over IPv4 over Ethernet; addresses are bytes. */
export interface UdpDatagram {
  sourceMac: Uint8Array;
  destinationMac: Uint8Array;
  sourceAddress: Uint8Array;
  destinationAddress: Uint8Array;
  sourcePort: number;
  destinationPort: number;
  payload: Uint8Array;
}

const IP_HEADER = 20;
const UDP_HEADER = 8;

/** The frame of a datagram, with the IPv4 header's checksum; the UDP checksum is left out (RFC 768 allows 0). */
export function udpFrame(datagram: UdpDatagram): Uint8Array {
  const udpLength = UDP_HEADER + datagram.payload.length;
  const frame = new Uint8Array(ETHERNET_HEADER + IP_HEADER + udpLength);
  const view = new DataView(frame.buffer);
  frame.set(datagram.destinationMac, 0);
  frame.set(datagram.sourceMac, 6);
  view.setUint16(12, 0x0800);
  const ip = ETHERNET_HEADER;
  frame.set([0x45, 0], ip);
  view.setUint16(ip + 2, IP_HEADER + udpLength);
  frame.set([64, 17], ip + 8);
  frame.set(datagram.sourceAddress, ip + 12);
  frame.set(datagram.destinationAddress, ip + 16);
  view.setUint16(ip + 10, internetChecksum(frame.subarray(ip, ip + IP_HEADER)));
  const udp = ip + IP_HEADER;
  view.setUint16(udp, datagram.sourcePort);
  view.setUint16(udp + 2, datagram.destinationPort);
  view.setUint16(udp + 4, udpLength);
  frame.set(datagram.payload, udp + UDP_HEADER);
  return frame;
}

/** The Internet checksum (RFC 1071) of an even number of bytes. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
