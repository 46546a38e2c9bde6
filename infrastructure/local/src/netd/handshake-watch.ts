import { GUEST_NETWORK } from "../addressing.ts";
import { parseIpv4Frame, parsePorts, PROTOCOL, TCP_FLAG } from "./ethernet.ts";

/** How a machine answered a connection that came by a forward. */
export type HandshakeOutcome = "established" | "refused" | "silent";

/**
 * Sees on the switch whether machines accept forwarded connections. It is needed because libslirp accepts a
 * connection on the host's side before it has asked the machine; it keeps the caller's source port, so that the
 * machine's SYN-ACK or RST can be told apart.
 */
export class HandshakeWatch {
  readonly #waiting = new Map<string, (outcome: HandshakeOutcome) => void>();

  /** Looks at a frame from machine `machine`. */
  observe(machine: string, frame: Uint8Array): void {
    if (this.#waiting.size === 0) return;
    const packet = parseIpv4Frame(frame);
    if (packet?.protocol !== PROTOCOL.tcp || packet.destination !== GUEST_NETWORK.gateway) return;
    const ports = parsePorts(packet);
    if (ports === undefined) return;
    const settle = this.#waiting.get(key(machine, ports.source, ports.destination));
    if (settle === undefined) return;
    if ((ports.flags & TCP_FLAG.rst) !== 0) settle("refused");
    else if ((ports.flags & TCP_FLAG.syn) !== 0) settle("established");
  }

  /**
   * Waits for the machine's answer to the connection from `callerPort` to `port`; "silent" after `timeoutMs`.
   * Must be called before the machine can have answered, that is when the caller's port becomes known.
   */
  wait(machine: string, port: number, callerPort: number, timeoutMs: number): Promise<HandshakeOutcome> {
    const id = key(machine, port, callerPort);
    return new Promise((resolve) => {
      const settle = (outcome: HandshakeOutcome): void => {
        clearTimeout(timer);
        if (this.#waiting.get(id) === settle) this.#waiting.delete(id);
        resolve(outcome);
      };
      const timer = setTimeout(() => settle("silent"), timeoutMs);
      this.#waiting.set(id, settle);
    });
  }
}

function key(machine: string, port: number, callerPort: number): string {
  return `${machine} ${port} ${callerPort}`;
}
