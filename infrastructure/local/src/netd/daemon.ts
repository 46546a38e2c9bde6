import { INIT_PORT } from "../addressing.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import { Capture } from "./capture.ts";
import type { NetdConfig, PortConfig } from "./config.ts";
import type { NetdCommand, NetdStatus } from "./control-protocol.ts";
import { HandshakeWatch } from "./handshake-watch.ts";
import { LoadBalancer } from "./load-balancer.ts";
import { PortListener } from "./port-listener.ts";
import { Switch } from "./switch.ts";

const GATEWAY_PORT = "gateway";

/** How long a machine may take to accept a connection before the next control plane is tried. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** The network of one cluster: switch, DHCP, filter, capture and the endpoint's load balancer. */
export class Netd {
  readonly #config: NetdConfig;
  readonly #configPath: string;
  readonly #switch: Switch;
  readonly #watch = new HandshakeWatch();
  readonly #balancer: LoadBalancer;
  readonly #listeners = new Map<string, PortListener>();
  #capture: Capture | undefined;

  constructor(config: NetdConfig, configPath: string) {
    this.#config = config;
    this.#configPath = configPath;
    this.#switch = new Switch(config, {
      onFrame: (frame) => this.#capture?.add(frame),
      onMachineFrame: (port, frame) => this.#watch.observe(port, frame),
    });
    this.#balancer = new LoadBalancer({
      // Every fresh control plane takes an init: a second try at another one would make a second cluster.
      firstOnlyPorts: new Set([INIT_PORT]),
      handshake: (backend, port, callerPort) => this.#watch.wait(backend.name, port, callerPort, HANDSHAKE_TIMEOUT_MS),
    });
  }

  /** Opens all ports of the configuration and the endpoint; rejects with the system's error when one is taken. */
  async start(): Promise<void> {
    await this.#balancer.listen(this.#config.endpoint.address, this.#config.endpoint.ports);
    this.#balancer.setBackends(this.#config.backends);
    const gateway = await PortListener.open(this.#config.gatewaySocket, (f) => this.#switch.ingress(GATEWAY_PORT, f));
    this.#listeners.set(GATEWAY_PORT, gateway);
    this.#switch.addPort({ kind: "gateway", name: GATEWAY_PORT, send: (frame) => gateway.send(frame) });
    for (const port of this.#config.ports) await this.#openPort(port);
  }

  /** Runs one command; changes are in the configuration file before the answer goes out. */
  async handle(command: NetdCommand): Promise<unknown> {
    switch (command.command) {
      case "add-port":
        await this.#openPort(command.port);
        this.#config.ports = [...this.#config.ports.filter((p) => p.name !== command.port.name), command.port];
        return await this.#save();
      case "remove-port":
        await this.#closePort(command.name);
        this.#config.ports = this.#config.ports.filter((port) => port.name !== command.name);
        return await this.#save();
      case "set-backends":
        this.#config.backends = command.backends;
        this.#balancer.setBackends(command.backends);
        return await this.#save();
      case "set-host-ports":
        this.#config.hostPorts = command.hostPorts;
        return await this.#save();
      case "capture-start":
        await this.#stopCapture();
        this.#capture = await Capture.start(command.path, () => performance.timeOrigin + performance.now());
        return null;
      case "capture-stop":
        return await this.#stopCapture();
      case "status":
        return this.#status();
      default:
        throw new Error(`unknown command ${JSON.stringify(command satisfies never)}`);
    }
  }

  /** Ends the capture and closes everything. */
  async stop(): Promise<void> {
    this.#balancer.close();
    await this.#stopCapture();
    for (const listener of this.#listeners.values()) await listener.close();
  }

  async #openPort(port: PortConfig): Promise<void> {
    await this.#closePort(port.name);
    const listener = await PortListener.open(port.socket, (frame) => this.#switch.ingress(port.name, frame));
    this.#listeners.set(port.name, listener);
    this.#switch.addPort({ kind: "machine", ...port, send: (frame) => listener.send(frame) });
  }

  async #closePort(name: string): Promise<void> {
    this.#switch.removePort(name);
    await this.#listeners.get(name)?.close();
    this.#listeners.delete(name);
  }

  async #stopCapture(): Promise<unknown> {
    const capture = this.#capture;
    this.#capture = undefined;
    return (await capture?.stop()) ?? null;
  }

  async #save(): Promise<null> {
    await writeFileAtomic(this.#configPath, JSON.stringify(this.#config, undefined, 2));
    return null;
  }

  #status(): NetdStatus {
    return {
      pid: process.pid,
      hostPorts: this.#config.hostPorts,
      ports: Object.fromEntries([...this.#listeners].map(([name, listener]) => [name, listener.status()])),
      drops: this.#switch.drops(),
      backends: this.#config.backends,
      failures: this.#balancer.failures(),
      capture: this.#capture?.status() ?? null,
    };
  }
}
