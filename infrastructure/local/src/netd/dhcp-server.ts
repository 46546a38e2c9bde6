import { GATEWAY_MAC, GUEST_NETWORK } from "../addressing.ts";
import { DHCP_PORT, MESSAGE_TYPE, OPTION, parseDhcp, serializeDhcp, type DhcpMessage } from "./dhcp-codec.ts";
import { formatIpv4, formatMac, parseIpv4, parseMac, parseIpv4Frame, parsePorts, PROTOCOL } from "./ethernet.ts";
import { udpFrame } from "./udp-frame.ts";

/** The one address that a port's machine may have. */
export interface Lease {
  mac: string;
  address: string;
}

/** Whether the frame is for a DHCP server, on whatever address. */
export function isDhcpRequest(frame: Uint8Array): boolean {
  return udpPorts(frame)?.destination === DHCP_PORT.server;
}

/** Whether the frame claims to be from a DHCP server; no machine on the switch may say so. */
export function isDhcpReply(frame: Uint8Array): boolean {
  return udpPorts(frame)?.source === DHCP_PORT.server;
}

function udpPorts(frame: Uint8Array) {
  const packet = parseIpv4Frame(frame);
  return packet?.protocol === PROTOCOL.udp ? parsePorts(packet) : undefined;
}

/**
 * The answer to a client's frame: its one recorded address, for ever. A request for another address is refused, so
 * that the client asks anew. Undefined when no answer is due.
 */
export function answerDhcp(frame: Uint8Array, lease: Lease): Uint8Array | undefined {
  const packet = parseIpv4Frame(frame);
  const request = packet === undefined ? undefined : parseDhcp(packet.payload.subarray(8));
  if (request === undefined || request.op !== 1 || formatMac(request.clientMac) !== lease.mac) return undefined;
  const type = replyType(request, lease);
  return type === undefined ? undefined : replyFrame(request, type, lease);
}

function replyType(request: DhcpMessage, lease: Lease): number | undefined {
  switch (request.options.get(OPTION.messageType)?.[0]) {
    case MESSAGE_TYPE.discover:
      return MESSAGE_TYPE.offer;
    case MESSAGE_TYPE.request:
      return wantedAddress(request) === lease.address ? MESSAGE_TYPE.ack : MESSAGE_TYPE.nak;
    case MESSAGE_TYPE.inform:
      return MESSAGE_TYPE.ack;
    default:
      return undefined;
  }
}

/** RFC 2131 section 4.3.2: option 50 when selecting or rebooting, else ciaddr. */
function wantedAddress(request: DhcpMessage): string {
  const requested = request.options.get(OPTION.requestedAddress);
  return formatIpv4(requested?.length === 4 ? requested : request.clientAddress);
}

function replyFrame(request: DhcpMessage, type: number, lease: Lease): Uint8Array {
  const server = parseIpv4(GUEST_NETWORK.gateway);
  const none = new Uint8Array(4);
  const inform = request.options.get(OPTION.messageType)?.[0] === MESSAGE_TYPE.inform;
  const yourAddress = type === MESSAGE_TYPE.nak || inform ? none : parseIpv4(lease.address);
  const toAll = request.broadcast || type === MESSAGE_TYPE.nak;
  const payload = serializeDhcp({ ...request, op: 2, yourAddress, options: replyOptions(type, inform) });
  return udpFrame({
    sourceMac: parseMac(GATEWAY_MAC),
    destinationMac: toAll ? new Uint8Array(6).fill(0xff) : request.clientMac,
    sourceAddress: server,
    destinationAddress: toAll ? new Uint8Array(4).fill(0xff) : inform ? request.clientAddress : yourAddress,
    sourcePort: DHCP_PORT.server,
    destinationPort: DHCP_PORT.client,
    payload,
  });
}

function replyOptions(type: number, inform: boolean): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  options.set(OPTION.messageType, Uint8Array.of(type));
  options.set(OPTION.serverIdentifier, parseIpv4(GUEST_NETWORK.gateway));
  if (type === MESSAGE_TYPE.nak) return options;
  if (!inform) options.set(OPTION.leaseTime, Uint8Array.of(0xff, 0xff, 0xff, 0xff)); // infinite: never renewed
  options.set(OPTION.subnetMask, parseIpv4(GUEST_NETWORK.netmask));
  options.set(OPTION.router, parseIpv4(GUEST_NETWORK.gateway));
  options.set(OPTION.dns, parseIpv4(GUEST_NETWORK.dns));
  options.set(OPTION.mtu, Uint8Array.of(GUEST_NETWORK.mtu >> 8, GUEST_NETWORK.mtu & 0xff));
  return options;
}
