import type { InitRequest } from "@constellation/rpc";
import { describeError, errorCode, NodeError } from "../errors.ts";
import type { AdmissionLock } from "../machine/lock.ts";
import type { Dependencies, DiskOfNode, FreshDisk, Member, Platform } from "../machine/node.ts";
import type { InitHandler } from "./endpoint.ts";
import { initialise } from "./initialise.ts";
import { parseInitRequest } from "./request.ts";
import { InitRun } from "./run.ts";

/** How init on a fresh node ended. */
export type InitOutcome = { kind: "member"; member: Member; run: InitRun } | { kind: "failed"; reason: string };

const JOURNAL_LINES = 2000;
const LOG_CHUNK_BYTES = 32 * 1024;

/** Answers Init on a fresh node: the first valid request that gets the lock is carried out, the others are told so. */
export class FreshInit {
  readonly #node: { platform: Platform; disk: DiskOfNode; fresh: FreshDisk };
  readonly #dependencies: Dependencies;
  readonly #lock: AdmissionLock;
  readonly #outcome = Promise.withResolvers<InitOutcome>();
  readonly #signal: AbortSignal;

  constructor(
    node: { platform: Platform; disk: DiskOfNode; fresh: FreshDisk },
    dependencies: Dependencies,
    lock: AdmissionLock,
    signal: AbortSignal,
  ) {
    this.#node = node;
    this.#dependencies = dependencies;
    this.#lock = lock;
    this.#signal = signal;
  }

  /** Settles when a request was carried out to its commit or failed. */
  get outcome(): Promise<InitOutcome> {
    return this.#outcome.promise;
  }

  readonly handler: InitHandler = async (request: InitRequest) => {
    const { platform } = this.#node;
    const own = { machineDigest: platform.attester.machineDigest, diskUuid: platform.diskUuid };
    const input = parseInitRequest(request, own);
    try {
      await this.#acquire();
    } catch (error) {
      input.master.wipe();
      throw error;
    }
    const run = new InitRun();
    void this.#carryOut(input, run);
    return run;
  };

  async #acquire(): Promise<void> {
    if (await this.#node.platform.attester.isMarked(this.#signal))
      throw busy("a node that already belongs to a cluster");
    if (!this.#lock.tryAcquire("init")) throw busy(`a node that is already in "${this.#lock.owner}"`);
  }

  async #carryOut(input: Parameters<typeof initialise>[0], run: InitRun): Promise<void> {
    const { console, log } = this.#dependencies;
    const progress = (step: string, text: string): void => {
      console(`init: ${text}`);
      log.info("init step", { step });
      run.emit({ kind: "progress", step, text });
    };
    try {
      const member = await initialise(input, this.#node, this.#dependencies, progress, this.#signal);
      this.#outcome.resolve({ kind: "member", member, run });
    } catch (error) {
      log.error("init failed", error);
      console(`init failed: ${describeError(error)}`);
      await this.#emitJournal(run);
      run.emit({ kind: "failure", code: errorCode(error), message: describeError(error) });
      this.#outcome.resolve({ kind: "failed", reason: `init failed: ${describeError(error)}` });
    } finally {
      input.master.wipe();
    }
  }

  /** The journal of this boot in pieces: the operator's only view into a node that failed. */
  async #emitJournal(run: InitRun): Promise<void> {
    try {
      const text = await this.#dependencies.systemd.journalTail(JOURNAL_LINES, this.#signal);
      const bytes = new TextEncoder().encode(text);
      for (let offset = 0; offset < bytes.length; offset += LOG_CHUNK_BYTES) {
        run.emit({ kind: "log", data: bytes.subarray(offset, offset + LOG_CHUNK_BYTES) });
      }
    } catch (error) {
      this.#dependencies.log.error("journal not readable", error);
    }
  }
}

function busy(got: string): NodeError {
  return new NodeError("busy", `Initialise node failed: got ${got}, wanted a fresh one`);
}
