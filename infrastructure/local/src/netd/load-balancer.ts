import { connect, createServer, type Server, type Socket } from "node:net";
import type { HandshakeOutcome } from "./handshake-watch.ts";

/** A control plane as the balancer sees it. */
export interface Backend {
  name: string;
  /** Loopback address of the host on which its ports are forwarded. */
  loopbackAddress: string;
}

/** What a {@link LoadBalancer} stands on. */
export interface LoadBalancerDependencies {
  /** Ports whose connections go to the first backend or to none: what is begun there must not go on at another. */
  firstOnlyPorts: ReadonlySet<number>;
  /** Waits until the backend's machine itself has accepted or refused the connection from `callerPort`. */
  handshake: (backend: Backend, port: number, callerPort: number) => Promise<HandshakeOutcome>;
}

/** Most connections at once, over all ports. */
const MAX_CONNECTIONS = 1024;

/**
 * TCP load balancer of the cluster's endpoint: each connection goes to the first backend that accepts it, beginning
 * with the next in turn; backends that failed last are tried last. Bytes of the client wait until one accepted. Some
 * ports have the first backend only.
 */
export class LoadBalancer {
  readonly #dependencies: LoadBalancerDependencies;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #failed = new Set<string>();
  #backends: readonly Backend[] = [];
  #turn = 0;

  constructor(dependencies: LoadBalancerDependencies) {
    this.#dependencies = dependencies;
  }

  /** Replaces the backends, the first control plane first; open connections stay. */
  setBackends(backends: readonly Backend[]): void {
    this.#backends = backends;
    this.#failed.clear();
  }

  /** Whether each backend accepted when it was last tried, by port. */
  failures(): string[] {
    return [...this.#failed].toSorted();
  }

  /** Listens on all `ports` of `address`; rejects with the system's error when one is taken. */
  async listen(address: string, ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      const server = createServer(
        { allowHalfOpen: true, pauseOnConnect: true },
        (client) => void this.#accept(client, port),
      );
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, address, () => resolve());
      });
      server.on("error", () => undefined); // accept errors such as EMFILE: the next connection may work
      this.#servers.push(server);
    }
  }

  /** Stops listening and cuts all connections. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #accept(client: Socket, port: number): Promise<void> {
    if (this.#sockets.size >= 2 * MAX_CONNECTIONS) return void client.resetAndDestroy();
    this.#track(client);
    for (const backend of this.#order(port)) {
      const upstream = await this.#open(backend, port);
      const id = `${backend.name}:${port}`;
      if (upstream !== undefined) {
        this.#failed.delete(id);
        return client.destroyed ? void upstream.destroy() : join(client, upstream);
      }
      this.#failed.add(id);
      if (client.destroyed) return;
    }
    client.resetAndDestroy();
  }

  #order(port: number): readonly Backend[] {
    if (this.#dependencies.firstOnlyPorts.has(port)) return this.#backends.slice(0, 1);
    const start = this.#turn++ % Math.max(1, this.#backends.length);
    const turned = [...this.#backends.slice(start), ...this.#backends.slice(0, start)];
    const failed = (backend: Backend): boolean => this.#failed.has(`${backend.name}:${port}`);
    return [...turned.filter((b) => !failed(b)), ...turned.filter(failed)];
  }

  async #open(backend: Backend, port: number): Promise<Socket | undefined> {
    const socket = connect({ host: backend.loopbackAddress, port, allowHalfOpen: true });
    this.#track(socket);
    const closed = new Promise<HandshakeOutcome>((resolve) => socket.once("close", () => resolve("refused")));
    const accepted = new Promise<HandshakeOutcome>((resolve) => {
      socket.once("connect", () => {
        resolve(this.#dependencies.handshake(backend, port, socket.localPort ?? 0));
      });
    });
    if ((await Promise.race([accepted, closed])) === "established") return socket;
    socket.destroy();
    return undefined;
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

/** Copies both ways, half-closes included; when one side breaks, so does the other. */
function join(client: Socket, upstream: Socket): void {
  client.pipe(upstream);
  upstream.pipe(client);
  client.once("close", () => upstream.destroy());
  upstream.once("close", () => client.destroy());
}
