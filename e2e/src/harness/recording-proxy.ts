import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const QUIET_MS = 10_000;

/** Somebody on the wire: passes bytes between a client and a server, and keeps what the client said. */
export class RecordingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #recorded: Buffer[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#pass(client)).listen(0, "127.0.0.1");
    this.port = 0;
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(target);
    await once(proxy.#server, "listening");
    return Object.assign(proxy, { port: (proxy.#server.address() as { port: number }).port });
  }

  /** Says again what the client said, on a new connection; returns when the server has closed it or is quiet. */
  async replay(): Promise<void> {
    const socket = connect(this.#target);
    socket.on("error", () => undefined);
    socket.resume();
    const closed = once(socket, "close");
    for (const chunk of this.#recorded) socket.write(chunk);
    socket.setTimeout(QUIET_MS, () => socket.destroy());
    await closed;
  }

  /** Ends the proxy and its connections. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #pass(client: Socket): void {
    const target = connect(this.#target);
    client.on("data", (chunk: Buffer) => this.#recorded.push(chunk));
    client.pipe(target).pipe(client);
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on("error", () => [client, target].forEach((side) => side.destroy()));
      socket.once("close", () => this.#sockets.delete(socket));
    }
  }
}
