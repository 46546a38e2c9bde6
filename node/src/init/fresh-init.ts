import type { InitRequest } from "@constellation/rpc";
import { describeError, errorCode, NodeError } from "../errors.ts";
import type { AdmissionLock } from "../machine/lock.ts";
import type { Dependencies, DiskOfNode, FreshDisk, Member, Platform } from "../machine/node.ts";
import type { InitHandler } from "./endpoint.ts";
import { describeKms } from "@constellation/kms/root";
import { type WrappedRoot, wrapRoot } from "../recovery/wrap-root.ts";
import { initialise, type Progress } from "./initialise.ts";
import { type InitInput, parseInitRequest, wipeInput } from "./request.ts";
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
  readonly #onStart: () => void;
  readonly #outcome = Promise.withResolvers<InitOutcome>();
  readonly #signal: AbortSignal;
  #isWrapping = false;

  /** @param onStart called once a request has the lock, after which the node either becomes a member or is reset */
  constructor(
    node: { platform: Platform; disk: DiskOfNode; fresh: FreshDisk },
    dependencies: Dependencies,
    lock: AdmissionLock,
    onStart: () => void,
    signal: AbortSignal,
  ) {
    this.#node = node;
    this.#dependencies = dependencies;
    this.#lock = lock;
    this.#onStart = onStart;
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
    const run = new InitRun();
    try {
      await (input.keyManagement === undefined ? this.#acquire() : this.#requireFree());
      if (input.keyManagement !== undefined && this.#isWrapping) throw busy("one that asks the KMS of another request");
    } catch (error) {
      wipeInput(input);
      throw error;
    }
    void this.#serve(input, run).finally(() => wipeInput(input));
    return run;
  };

  /** With an external KMS, that is asked first, and the lock taken after it: until then the node can still join. */
  async #serve(input: InitInput, run: InitRun): Promise<void> {
    if (input.keyManagement === undefined) return await this.#carryOut(input, undefined, run);
    let wrapped: WrappedRoot;
    this.#isWrapping = true;
    try {
      this.#progress(run)("kms", `Wrapping the master secret by ${describeKms(input.keyManagement.kms)}`);
      const { keyManagement } = input;
      wrapped = await wrapRoot({ ...input, keyManagement }, this.#node.platform, this.#dependencies, this.#signal);
      await this.#acquire();
    } catch (error) {
      this.#fail(run, error);
      return;
    } finally {
      this.#isWrapping = false;
    }
    await this.#carryOut(input, wrapped, run);
  }

  async #acquire(): Promise<void> {
    await this.#requireFree();
    if (!this.#lock.tryAcquire("init")) throw busy(`a node that is already in "${this.#lock.owner}"`);
    this.#onStart();
  }

  async #requireFree(): Promise<void> {
    if (await this.#node.platform.attester.isMarked(this.#signal))
      throw busy("a node that already belongs to a cluster");
    if (this.#lock.owner !== undefined) throw busy(`a node that is already in "${this.#lock.owner}"`);
  }

  #progress(run: InitRun): Progress {
    const { console, log } = this.#dependencies;
    return (step, text) => {
      console(`init: ${text}`);
      log.info("init step", { step });
      run.emit({ kind: "progress", step, text });
    };
  }

  async #carryOut(input: InitInput, wrapped: WrappedRoot | undefined, run: InitRun): Promise<void> {
    try {
      const how = { progress: this.#progress(run), wrapped };
      const member = await initialise(input, this.#node, this.#dependencies, how, this.#signal);
      this.#outcome.resolve({ kind: "member", member, run });
    } catch (error) {
      await this.#emitJournal(run);
      this.#fail(run, error);
      this.#outcome.resolve({ kind: "failed", reason: `init failed: ${describeError(error)}` });
    }
  }

  #fail(run: InitRun, error: unknown): void {
    this.#dependencies.log.error("init failed", error);
    this.#dependencies.console(`init failed: ${describeError(error)}`);
    run.emit({ kind: "failure", code: errorCode(error), message: describeError(error) });
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
