import { GUEST_NETWORK } from "../addressing.ts";
import {
  ETHERTYPE,
  etherType,
  isGroup,
  parseArpFrame,
  parseIpv4Frame,
  parsePorts,
  PROTOCOL,
  TCP_FLAG,
  type Ipv4Packet,
} from "./ethernet.ts";

/** What guests may reach on the host besides name resolution. */
export interface EgressPolicy {
  /** TCP ports of the host's loopback that guests may open connections to (by the gateway's address). */
  hostPorts: readonly number[];
}

/** Why a frame does not leave by the gateway; "pass" when it does. */
export type EgressVerdict =
  | "pass"
  | "not-for-gateway"
  | "not-ipv4"
  | "foreign-source"
  | "ip-options"
  | "fragment"
  | "host-loopback"
  | "special-destination";

/**
 * Decides whether a guest's frame may go to the gateway (libslirp). libslirp turns every address of its own network,
 * and 127.0.0.0/8 and 0.0.0.0/8 too, into the host's loopback, and takes frames whatever MAC they are for: so nothing
 * goes there but ARP, name resolution, answers on forwarded connections, connections to the allowed host ports, and
 * packets to addresses outside. `source` is the address the sending port is bound to.
 */
export function egressVerdict(frame: Uint8Array, source: string, policy: EgressPolicy): EgressVerdict {
  if (etherType(frame) === ETHERTYPE.arp) return parseArpFrame(frame) === undefined ? "not-ipv4" : "pass";
  if (isGroup(frame) || !isGatewayMac(frame)) return "not-for-gateway";
  const packet = parseIpv4Frame(frame);
  if (packet === undefined) return "not-ipv4";
  if (packet.source !== source) return "foreign-source";
  if (packet.hasOptions) return "ip-options";
  if (packet.destination.startsWith(GUEST_NETWORK.prefix)) return gatewayVerdict(packet, policy);
  return isSpecial(packet.destination) ? "special-destination" : "pass";
}

/** libslirp's MACs are 52:55 and its IPv4 address, here 10.42.0.x. */
function isGatewayMac(frame: Uint8Array): boolean {
  return frame[0] === 0x52 && frame[1] === 0x55 && frame[2] === 10 && frame[3] === 42 && frame[4] === 0;
}

function gatewayVerdict(packet: Ipv4Packet, policy: EgressPolicy): EgressVerdict {
  if (packet.fragment) return "fragment";
  if (packet.destination === GUEST_NETWORK.dns) return isNameQuery(packet) ? "pass" : "host-loopback";
  if (packet.destination !== GUEST_NETWORK.gateway) return "host-loopback";
  if (packet.protocol === PROTOCOL.icmp) return "pass"; // libslirp answers these itself
  if (packet.protocol !== PROTOCOL.tcp) return "host-loopback";
  const ports = parsePorts(packet);
  if (ports === undefined) return "host-loopback";
  const opens = (ports.flags & (TCP_FLAG.syn | TCP_FLAG.ack)) === TCP_FLAG.syn;
  return !opens || policy.hostPorts.includes(ports.destination) ? "pass" : "host-loopback";
}

function isNameQuery(packet: Ipv4Packet): boolean {
  return packet.protocol === PROTOCOL.icmp || parsePorts(packet)?.destination === 53;
}

/** This host (0/8, 127/8), link-local with the clouds' metadata services (169.254/16), multicast and reserved. */
function isSpecial(address: string): boolean {
  const [first, second] = address.split(".").map(Number);
  return first === 0 || first === 127 || (first === 169 && second === 254) || (first ?? 0) >= 224;
}
