import { answerDhcp, isDhcpReply, isDhcpRequest } from "./dhcp-server.ts";
import { egressVerdict, type EgressPolicy, type EgressVerdict } from "./egress-filter.ts";
import { ETHERNET_HEADER, formatMac, isGroup, parseArpFrame } from "./ethernet.ts";

/** A place where frames go in and out: a machine with its one MAC and address, or the gateway. */
export type SwitchPort =
  | { kind: "machine"; name: string; mac: string; address: string; send: (frame: Uint8Array) => void }
  | { kind: "gateway"; name: string; send: (frame: Uint8Array) => void };

/** Why frames were dropped. */
export type DropReason = Exclude<EgressVerdict, "pass"> | "too-short" | "spoofed-mac" | "spoofed-arp" | "rogue-dhcp";

/** What the switch tells others. */
export interface SwitchObserver {
  /** Every frame that came in, and every one the switch itself sends, before any decision. */
  onFrame?: (frame: Uint8Array) => void;
  /** Frames from machines that passed the source checks, for the watch on TCP handshakes. */
  onMachineFrame?: (port: string, frame: Uint8Array) => void;
}

/** Most learned addresses; bound so that nobody fills the memory with made-up sources. */
const MAX_LEARNED = 256;

/**
 * A learning Ethernet switch without I/O: `ingress` takes a frame from a port and calls `send` of others.
 * Machines are bound to their MAC and address; only the gateway's addresses are learned.
 */
export class Switch {
  readonly #ports = new Map<string, SwitchPort>();
  readonly #bound = new Map<string, SwitchPort>();
  readonly #learned = new Map<string, SwitchPort>();
  readonly #drops = new Map<DropReason, number>();
  readonly #policy: EgressPolicy;
  readonly #observer: SwitchObserver;

  constructor(policy: EgressPolicy, observer: SwitchObserver = {}) {
    this.#policy = policy;
    this.#observer = observer;
  }

  /** Adds a port, in place of one with the same name. */
  addPort(port: SwitchPort): void {
    this.removePort(port.name);
    this.#ports.set(port.name, port);
    if (port.kind === "machine") this.#bound.set(port.mac, port);
  }

  /** Removes a port and what was learned on it. */
  removePort(name: string): void {
    const port = this.#ports.get(name);
    if (port === undefined) return;
    this.#ports.delete(name);
    if (port.kind === "machine") this.#bound.delete(port.mac);
    for (const [mac, owner] of this.#learned) if (owner === port) this.#learned.delete(mac);
  }

  /** Frames dropped so far, by reason. */
  drops(): Partial<Record<DropReason, number>> {
    return Object.fromEntries(this.#drops);
  }

  /** Takes a frame that arrived on port `name`. */
  ingress(name: string, frame: Uint8Array): void {
    const port = this.#ports.get(name);
    if (port === undefined) return;
    this.#observer.onFrame?.(frame);
    if (frame.length < ETHERNET_HEADER) return this.#drop("too-short");
    const problem = port.kind === "machine" ? machineProblem(port, frame) : this.#gatewayProblem(port, frame);
    if (problem !== undefined) return this.#drop(problem);
    if (port.kind === "machine") {
      if (isDhcpRequest(frame)) return this.#answerDhcp(port, frame);
      this.#observer.onMachineFrame?.(port.name, frame);
    }
    this.#forward(port, frame);
  }

  /** The gateway may not speak as a machine; what else it speaks as is learned. */
  #gatewayProblem(port: SwitchPort, frame: Uint8Array): DropReason | undefined {
    const source = formatMac(frame, 6);
    if (this.#bound.has(source)) return "spoofed-mac";
    if (this.#learned.size < MAX_LEARNED) this.#learned.set(source, port);
    return undefined;
  }

  #answerDhcp(port: SwitchPort & { kind: "machine" }, frame: Uint8Array): void {
    const answer = answerDhcp(frame, port);
    if (answer === undefined) return;
    this.#observer.onFrame?.(answer);
    port.send(answer);
  }

  #forward(from: SwitchPort, frame: Uint8Array): void {
    const destination = formatMac(frame, 0);
    const known = isGroup(frame) ? undefined : (this.#bound.get(destination) ?? this.#learned.get(destination));
    if (known !== undefined) {
      if (known !== from) this.#deliver(from, known, frame);
      return;
    }
    for (const port of this.#ports.values()) if (port !== from) this.#deliver(from, port, frame);
  }

  #deliver(from: SwitchPort, to: SwitchPort, frame: Uint8Array): void {
    if (from.kind === "machine" && to.kind === "gateway") {
      const verdict = egressVerdict(frame, from.address, this.#policy);
      if (verdict !== "pass") return this.#drop(verdict);
    }
    to.send(frame);
  }

  #drop(reason: DropReason): void {
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1);
  }
}

/** A machine speaks with its own MAC, answers ARP for its own address only, and is no DHCP server. */
function machineProblem(port: SwitchPort & { kind: "machine" }, frame: Uint8Array): DropReason | undefined {
  if (formatMac(frame, 6) !== port.mac) return "spoofed-mac";
  const arp = parseArpFrame(frame);
  if (arp !== undefined) {
    const ownAddress = arp.senderAddress === port.address || arp.senderAddress === "0.0.0.0";
    return arp.senderMac === port.mac && ownAddress ? undefined : "spoofed-arp";
  }
  return isDhcpReply(frame) ? "rogue-dhcp" : undefined;
}
