import type { RpcServer } from "@constellation/rpc";
import { type InitDoor, type InitHandler, refuseInit, serveInit } from "../init/endpoint.ts";
import type { Log } from "../log/log.ts";
import type { NodeOptions } from "../options.ts";
import { serveAgentSocket } from "../run/agent-socket.ts";
import { serveVerify } from "../run/verify-service.ts";
import type { Platform } from "./node.ts";

/** The agent's own servers that outlive a state. */
export interface Services {
  /** Evidence for anyone, and for the pods of this node. */
  openEvidence(platform: Platform): Promise<void>;
  /** The door for Init, once. */
  openInitDoor(platform: Platform): Promise<void>;
  setInitHandler(handler: InitHandler): void;
  close(): Promise<void>;
}

export class NodeServices implements Services {
  readonly #options: NodeOptions;
  readonly #log: Log;
  readonly #door: InitDoor = { handler: refuseInit };
  readonly #servers: Pick<RpcServer, "close">[] = [];
  #doorIsOpen = false;

  constructor(options: NodeOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  async openEvidence({ attester, address }: Platform): Promise<void> {
    const { agentSocket, ports } = this.#options;
    this.#servers.push(await serveVerify(attester, { host: address, port: ports.verify }));
    this.#servers.push(await serveAgentSocket(attester, agentSocket));
  }

  async openInitDoor({ attester, address }: Platform): Promise<void> {
    if (this.#doorIsOpen) return;
    this.#doorIsOpen = true;
    const listen = { host: address, port: this.#options.ports.init };
    this.#servers.push(await serveInit(this.#door, attester, listen, this.#log));
  }

  setInitHandler(handler: InitHandler): void {
    this.#door.handler = handler;
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}
