import type { RpcServer } from "@constellation/rpc";
import { serveKmsPlugin } from "../kms/plugin.ts";
import type { EtcdKeyring } from "../kms/etcd-keyring.ts";
import { type InitDoor, type InitHandler, refuseInit, serveInit } from "../init/endpoint.ts";
import type { Log } from "../log/log.ts";
import { type NodeOptions, PATHS } from "../options.ts";
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
  /** The API server's way to the keys of this control plane, once. It must be there before the API server is started. */
  openKms(ring: EtcdKeyring): Promise<void>;
  close(): Promise<void>;
}

export class NodeServices implements Services {
  readonly #options: NodeOptions;
  readonly #log: Log;
  readonly #door: InitDoor = { handler: refuseInit };
  readonly #servers: Pick<RpcServer, "close">[] = [];
  #doorIsOpen = false;
  #kmsIsOpen = false;

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

  async openKms(ring: EtcdKeyring): Promise<void> {
    if (this.#kmsIsOpen) return;
    this.#kmsIsOpen = true;
    this.#servers.push(await serveKmsPlugin(ring, this.#options.root + PATHS.kmsSocket, this.#log));
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}
