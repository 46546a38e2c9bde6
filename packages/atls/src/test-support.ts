import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { concat, equalConstantTime, fromUtf8, utf8 } from "@constellation/bytes";
import { createEphemeralIdentity } from "./certificate.ts";
import { type ConnectAtlsOptions, connectAtls } from "./client.ts";
import type { AtlsError } from "./errors.ts";
import { Handshake, type HandshakeEvent, type HandshakeOptions } from "./handshake.ts";
import type { ANONYMOUS, Appraiser, Attester } from "./parties.ts";
import { AtlsServer, type AtlsServerOptions } from "./server.ts";
import { ALPN_PROTOCOL, channelOf } from "./tls-channel.ts";

/** Tests that don't look at time get more than they need. */
const PATIENT_MS = 30_000;

/** A signal that nobody aborts. */
export const NEVER = new AbortController().signal;

/** An error as an appraiser of this project throws it. */
class StaleEvidence extends Error {
  readonly code = "report-data-mismatch";
}

/** Fake evidence: a name and the report data, unsigned. Only its binding matters here. */
export function attesterNamed(name: string): Attester {
  return { issue: async (reportData) => concat(utf8(`${name}|`), reportData) };
}

/** Accepts fake evidence over exactly this connection's report data, and gives the name in it. */
export const strictAppraiser: Appraiser<string> = {
  async appraise(evidence, reportData) {
    const split = evidence.indexOf("|".charCodeAt(0));
    if (!equalConstantTime(evidence.subarray(split + 1), reportData)) {
      throw new StaleEvidence("password=hunter2 in a message that must not travel");
    }
    return fromUtf8(evidence.subarray(0, split));
  },
};

/** Accepts anything, as a side that an attacker runs would. */
export const gullibleAppraiser: Appraiser<string> = { appraise: async () => "anything" };

/** An appraiser that says when it was asked, and waits to be let go on. */
export function heldAppraiser(): Appraiser<string> & { asked: Promise<void>; release(): void } {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  return {
    asked: asked.promise,
    release: () => released.resolve(),
    async appraise() {
      asked.resolve();
      await released.promise;
      return "held";
    },
  };
}

/** A server under test, with what it accepted and refused, in order. */
export interface TestServer extends AsyncDisposable {
  readonly server: AtlsServer<unknown>;
  readonly address: AddressInfo;
  readonly accepted: { readonly socket: TLSSocket; readonly peer: unknown }[];
  nextRefusal(): Promise<AtlsError>;
  nextAccepted(): Promise<{ readonly socket: TLSSocket; readonly peer: unknown }>;
}

type ServerOptions = Partial<Omit<AtlsServerOptions<unknown>, "appraiser">> & {
  readonly appraiser?: Appraiser<unknown> | typeof ANONYMOUS;
};

/** Starts an attesting server with purpose "join" on a free port. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const refusals = new Queue<AtlsError>();
  const acceptances = new Queue<{ socket: TLSSocket; peer: unknown }>();
  const accepted: { socket: TLSSocket; peer: unknown }[] = [];
  const server = new AtlsServer<unknown>({
    purpose: "join",
    attester: attesterNamed("server"),
    appraiser: strictAppraiser,
    handshakeTimeoutMs: PATIENT_MS,
    maxPending: 8,
    onConnection(socket, peer) {
      accepted.push({ socket, peer });
      acceptances.push({ socket, peer });
    },
    onRefused: (error) => refusals.push(error),
    ...(options as Partial<AtlsServerOptions<unknown>>),
  });
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    server,
    address,
    accepted,
    nextRefusal: () => refusals.next(),
    nextAccepted: () => acceptances.next(),
    async [Symbol.asyncDispose]() {
      for (const { socket } of accepted) socket.destroy();
      await server.close();
    },
  };
}

/** Connects as an honest client with purpose "join". */
export function connectTo(
  { port }: { readonly port: number },
  options: Partial<ConnectAtlsOptions<string>> = {},
  signal: AbortSignal = NEVER,
): ReturnType<typeof connectAtls<string>> {
  const honest = { purpose: "join", attester: attesterNamed("client"), appraiser: strictAppraiser };
  return connectAtls({ host: "127.0.0.1", port, timeoutMs: PATIENT_MS, ...honest, ...options }, signal);
}

/** The error that a promise ends with. */
export async function errorOf(promise: Promise<unknown>): Promise<AtlsError> {
  try {
    await promise;
  } catch (error) {
    return error as AtlsError;
  }
  throw new Error("Test failed: got success, wanted an error");
}

/** An attacker's TLS connection, valid as TLS, on which any bytes can be sent. */
export class RawPeer implements Disposable {
  readonly socket: TLSSocket;
  readonly publicKey: Uint8Array;
  #received: Uint8Array = new Uint8Array(0);

  private constructor(socket: TLSSocket, publicKey: Uint8Array) {
    this.socket = socket;
    this.publicKey = publicKey;
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      this.#received = concat(this.#received, bytes);
      socket.emit("grown");
    });
  }

  static async connect({ port }: { readonly port: number }, options: ConnectionOptions = {}): Promise<RawPeer> {
    const identity = createEphemeralIdentity();
    const socket = connect({
      host: "127.0.0.1",
      port,
      key: identity.keyPem,
      cert: identity.certificatePem,
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN_PROTOCOL],
      ...options,
    });
    const peer = new RawPeer(socket, identity.publicKey);
    await once(socket, "secureConnect");
    return peer;
  }

  /** A handshake machine of the attacker, bound to this connection as an honest client's would be. */
  handshake(options: Partial<HandshakeOptions> = {}): Handshake {
    return new Handshake({
      role: "client",
      purpose: "join",
      mode: "attesting",
      peerMode: "attesting",
      nonce: new Uint8Array(32).fill(7),
      channel: channelOf(this.socket, "client", this.publicKey, "join"),
      ...options,
    });
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Takes the next `sizeBytes` that arrived. */
  async take(sizeBytes: number): Promise<Uint8Array> {
    while (this.#received.length < sizeBytes) await once(this.socket, "grown");
    const taken = this.#received.slice(0, sizeBytes);
    this.#received = this.#received.slice(sizeBytes);
    return taken;
  }

  /** Takes one whole message, header included. */
  async takeFrame(): Promise<Uint8Array> {
    const header = await this.take(5);
    return concat(header, await this.take(new DataView(header.buffer).getUint32(1)));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** All bytes that a step of a handshake wants sent. */
export function sentBy(events: readonly HandshakeEvent[]): Uint8Array {
  return concat(...events.map((event) => (event.type === "send" ? event.bytes : new Uint8Array(0))));
}

/** The one event of this type in a step of a handshake. */
export function eventOf<T extends HandshakeEvent["type"]>(
  events: readonly HandshakeEvent[],
  type: T,
): Extract<HandshakeEvent, { type: T }> {
  const found = events.filter((event) => event.type === type);
  if (found.length !== 1) throw new Error(`Test failed: got ${found.length} events "${type}", wanted one`);
  return found[0] as Extract<HandshakeEvent, { type: T }>;
}

/** Opens a plain TCP connection. */
export async function tcpConnect({ port }: { readonly port: number }) {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  const closed = once(socket, "close");
  await once(socket, "connect");
  return { socket, closed, [Symbol.dispose]: () => void socket.destroy() };
}

/** Starts a plain TCP server. */
export async function startTcp(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    socket.on("error", () => {});
    sockets.add(socket);
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Values that are waited for in the order they come. */
class Queue<T> {
  readonly #values: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  push(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#values.push(value);
    else waiting(value);
  }

  next(): Promise<T> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
