/** DHCP messages (RFC 2131) with the options (RFC 2132) that a fixed-address server needs. */

/** Option codes. */
export const OPTION = {
  subnetMask: 1,
  router: 3,
  dns: 6,
  mtu: 26,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverIdentifier: 54,
} as const;

/** Message types (option 53). */
export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/** UDP ports of server and client. */
export const DHCP_PORT = { server: 67, client: 68 } as const;

/** The fields of a message that are not constant for Ethernet. */
export interface DhcpMessage {
  /** 1 from a client, 2 from a server. */
  op: 1 | 2;
  transactionId: number;
  /** The client can't take unicast before it is configured. */
  broadcast: boolean;
  clientAddress: Uint8Array;
  yourAddress: Uint8Array;
  /** Six bytes. */
  clientMac: Uint8Array;
  /** Options without padding and end, the last of equal codes wins. */
  options: Map<number, Uint8Array>;
}

const FIXED_BYTES = 236;
const MAGIC = [0x63, 0x82, 0x53, 0x63] as const;

/** The message in a UDP payload, or undefined when it is not one for Ethernet with well-formed options. */
export function parseDhcp(bytes: Uint8Array): DhcpMessage | undefined {
  if (bytes.length < FIXED_BYTES + MAGIC.length) return undefined;
  const op = bytes[0];
  if ((op !== 1 && op !== 2) || bytes[1] !== 1 || bytes[2] !== 6) return undefined;
  if (!MAGIC.every((byte, i) => bytes[FIXED_BYTES + i] === byte)) return undefined;
  const options = parseOptions(bytes.subarray(FIXED_BYTES + MAGIC.length));
  if (options === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    op,
    transactionId: view.getUint32(4),
    broadcast: (view.getUint16(10) & 0x8000) !== 0,
    clientAddress: bytes.slice(12, 16),
    yourAddress: bytes.slice(16, 20),
    clientMac: bytes.slice(28, 34),
    options,
  };
}

function parseOptions(bytes: Uint8Array): Map<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>();
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at] ?? 0;
    at += 1;
    if (code === 0) continue;
    if (code === 255) return options;
    const length = bytes[at];
    if (length === undefined || at + 1 + length > bytes.length) return undefined;
    options.set(code, bytes.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return options; // without an end option, as some clients send it
}

/** The UDP payload of a message. */
export function serializeDhcp(message: DhcpMessage): Uint8Array {
  const options = [...message.options].flatMap(([code, value]) => [code, value.length, ...value]);
  const bytes = new Uint8Array(Math.max(300, FIXED_BYTES + MAGIC.length + options.length + 1));
  const view = new DataView(bytes.buffer);
  bytes.set([message.op, 1, 6, 0]);
  view.setUint32(4, message.transactionId);
  view.setUint16(10, message.broadcast ? 0x8000 : 0);
  bytes.set(message.clientAddress, 12);
  bytes.set(message.yourAddress, 16);
  bytes.set(message.clientMac, 28);
  bytes.set([...MAGIC, ...options, 255], FIXED_BYTES);
  return bytes;
}
