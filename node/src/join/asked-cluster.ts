import { fromConnectError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import type { AdmissionLock } from "../machine/lock.ts";

/**
 * The one cluster that a fresh node may become a member of once it has asked it for a ticket: what has arrived of an
 * answer holds secrets, and pods of another cluster could read what the agent's memory has kept of them. So the lock is
 * taken before the question, and given back only where the answer was no.
 */
export class AskedCluster {
  readonly #lock: AdmissionLock;
  #register: string | undefined;

  constructor(lock: AdmissionLock) {
    this.#lock = lock;
  }

  /**
   * False where the node was initialised meanwhile.
   * @param register of the peer, as its evidence has it
   * @throws NodeError `ticket` where another cluster may have answered
   */
  mayAsk(register: string): boolean {
    if (this.#register === undefined && !this.#lock.tryAcquire("join")) return false;
    this.#register ??= register;
    if (this.#register === register) return true;
    const got = `got a control plane of cluster PCR "${register}"`;
    throw new NodeError(
      "ticket",
      `Ask for join ticket failed: ${got}, wanted "${this.#register}", which was asked before`,
    );
  }

  /** An answer that broke off, or that is no ticket, may have brought secrets all the same. */
  failed(error: unknown): void {
    if (error instanceof NodeError || fromConnectError(error).remoteCode === undefined) return;
    this.#register = undefined;
    this.#lock.release("join");
  }
}
