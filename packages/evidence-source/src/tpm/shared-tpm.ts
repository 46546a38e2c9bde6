import { Tpm, type TpmTransport } from "@constellation/tpm2";
import { Mutex } from "../system/mutex.ts";
import { tpmStep } from "./tpm-step.ts";

/** A TPM, and the way to it for commands that its client does not have. */
export interface OpenTpm {
  readonly tpm: Tpm;
  readonly transport: TpmTransport;
}

/** The machine's TPM: opened when it is first needed, and used by one sequence of commands at a time. */
export class SharedTpm {
  readonly #open: () => Promise<TpmTransport>;
  readonly #mutex = new Mutex();
  #opened: OpenTpm | undefined;

  constructor(open: () => Promise<TpmTransport>) {
    this.#open = open;
  }

  /** Runs a sequence of commands. @throws EvidenceSourceError `device_missing`, `device_busy`, `tpm` */
  run<T>(operation: string, sequence: (open: OpenTpm) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#mutex.run(() =>
      tpmStep(operation, signal, async () => {
        signal.throwIfAborted();
        if (this.#opened === undefined) {
          const transport = await this.#open();
          this.#opened = { tpm: new Tpm(transport), transport };
        }
        return await sequence(this.#opened);
      }),
    );
  }
}
