import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** An HTTP proxy on loopback that leads every tunnel to one port of this machine, whatever host it was asked for. */
export class FakeProxy {
  /** Host and port of each tunnel that was asked for. */
  readonly tunnels: string[] = [];
  /** Proxy-Authorization of each. */
  readonly authorizations: (string | undefined)[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number, isRefusing: boolean) {
    this.#server = createServer();
    this.#server.on("connect", (request, client: Socket) => {
      this.tunnels.push(request.url as string);
      this.authorizations.push(request.headers["proxy-authorization"]);
      if (isRefusing) client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      else this.#tunnel(client, targetPort);
    });
  }

  /** Starts a proxy; it ends with `close`. */
  static async start(targetPort: number, isRefusing = false): Promise<FakeProxy> {
    const proxy = new FakeProxy(targetPort, isRefusing);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** Without scheme. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }

  #tunnel(client: Socket, targetPort: number): void {
    const target = connect(targetPort, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(target).pipe(client);
    });
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
    }
  }
}
