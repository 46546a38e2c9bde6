import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const QUIET_MS = 1_000;

/** An attacker on the wire: passes bytes between client and server, and keeps what the client said. */
export class RecordingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #targetPort: number;
  readonly #recorded: Buffer[];

  private constructor(server: Server, targetPort: number, recorded: Buffer[]) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.#recorded = recorded;
    this.port = (server.address() as { port: number }).port;
  }

  static async start(targetPort: number): Promise<RecordingProxy> {
    const recorded: Buffer[] = [];
    const server = createServer((client) => {
      const target = connect(targetPort, "127.0.0.1");
      client.on("data", (chunk: Buffer) => recorded.push(chunk));
      client.pipe(target).pipe(client);
      for (const socket of [client, target]) socket.on("error", () => destroyBoth(client, target));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RecordingProxy(server, targetPort, recorded);
  }

  /** Says again what the client said, on a new connection, and gives all that the server answers to it. */
  async replay(): Promise<Buffer> {
    const socket = connect(this.#targetPort, "127.0.0.1");
    const answers: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => answers.push(chunk));
    socket.on("error", () => undefined);
    const closed = once(socket, "close");
    for (const chunk of this.#recorded) socket.write(chunk);
    socket.setTimeout(QUIET_MS, () => socket.end());
    await closed;
    return Buffer.concat(answers);
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }
}

function destroyBoth(client: Socket, target: Socket): void {
  client.destroy();
  target.destroy();
}
