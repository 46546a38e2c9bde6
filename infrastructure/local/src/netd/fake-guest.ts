/** A machine on the switch for tests: it answers ARP, and does as much TCP as a test tells it to. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { parseArpFrame, parseIpv4, parseIpv4Frame, parsePorts, PROTOCOL, u16 } from "./ethernet.ts";
import { encodeFrame, FrameDecoder } from "./frame-stream.ts";
import { arpFrame, ipv4Frame, tcpSegment } from "./testing.ts";
import { internetChecksum } from "./udp-frame.ts";

/** A TCP segment that a guest got. */
export interface ReceivedSegment {
  source: string;
  sourcePort: number;
  destinationPort: number;
  flags: number;
  sequence: number;
  data: Uint8Array;
}

/** Frames that wait for a test which never looks are a mistake of the test. */
const MAX_FRAMES = 1000;

/** One machine's end of the switch. */
export class FakeGuest {
  readonly mac: string;
  readonly address: string;
  readonly frames: Uint8Array[] = [];
  readonly #socket: Socket;
  #arrived: (() => void) | undefined;

  private constructor(socket: Socket, mac: string, address: string) {
    this.#socket = socket;
    this.mac = mac;
    this.address = address;
    const decoder = new FrameDecoder();
    socket.on("data", (chunk) => {
      for (const frame of decoder.push(chunk)) this.#receive(frame.slice());
    });
  }

  static async plug(path: string, mac: string, address: string): Promise<FakeGuest> {
    const socket = connect(path);
    await once(socket, "connect");
    return new FakeGuest(socket, mac, address);
  }

  unplug(): void {
    this.#socket.destroy();
  }

  send(frame: Uint8Array): void {
    this.#socket.write(encodeFrame(frame));
  }

  /** The first frame, past or future, of which `pick` makes something. */
  async take<T>(pick: (frame: Uint8Array) => T | undefined): Promise<T> {
    for (;;) {
      for (const [at, frame] of this.frames.entries()) {
        const picked = pick(frame);
        if (picked === undefined) continue;
        this.frames.splice(at, 1);
        return picked;
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }

  /** The next TCP segment to `port` (or from it, when the guest is the client). */
  async takeSegment(port: number): Promise<ReceivedSegment> {
    return await this.take((frame) => {
      const segment = parseSegment(frame);
      return segment?.destinationPort === port ? segment : undefined;
    });
  }

  sendSegment(fields: {
    destinationMac: string;
    destination: string;
    sourcePort: number;
    destinationPort: number;
    flags: number;
    sequence: number;
    acknowledge?: number;
    data?: Uint8Array;
  }): void {
    const header = tcpSegment(fields.sourcePort, fields.destinationPort, fields.flags);
    const payload = new Uint8Array([...header, ...(fields.data ?? [])]);
    const view = new DataView(payload.buffer);
    view.setUint32(4, fields.sequence);
    view.setUint32(8, fields.acknowledge ?? 0);
    view.setUint16(16, tcpChecksum(this.address, fields.destination, payload));
    const { destinationMac, destination } = fields;
    this.send(ipv4Frame({ sourceMac: this.mac, destinationMac, source: this.address, destination, payload }));
  }

  #receive(frame: Uint8Array): void {
    const arp = parseArpFrame(frame);
    if (arp !== undefined && arp.targetAddress === this.address && u16(frame, 20) === 1) {
      const { senderMac: destinationMac, senderAddress: target } = arp;
      this.send(arpFrame({ operation: 2, senderMac: this.mac, sender: this.address, target, destinationMac }));
      return;
    }
    if (this.frames.length >= MAX_FRAMES) throw new Error("a test lets frames pile up");
    this.frames.push(frame);
    this.#arrived?.();
  }
}

function parseSegment(frame: Uint8Array): ReceivedSegment | undefined {
  const packet = parseIpv4Frame(frame);
  const ports = packet?.protocol === PROTOCOL.tcp ? parsePorts(packet) : undefined;
  if (packet === undefined || ports === undefined) return undefined;
  const view = new DataView(packet.payload.buffer, packet.payload.byteOffset);
  return {
    source: packet.source,
    sourcePort: ports.source,
    destinationPort: ports.destination,
    flags: ports.flags,
    sequence: view.getUint32(4),
    data: packet.payload.slice((view.getUint8(12) >> 4) * 4),
  };
}

/** RFC 793, section 3.1: over a pseudo header and the segment. */
function tcpChecksum(source: string, destination: string, segment: Uint8Array): number {
  const length = segment.length;
  const pseudo = [...parseIpv4(source), ...parseIpv4(destination), 0, PROTOCOL.tcp, length >> 8, length & 0xff];
  return internetChecksum(Uint8Array.from([...pseudo, ...segment, ...(length % 2 === 0 ? [] : [0])]));
}
