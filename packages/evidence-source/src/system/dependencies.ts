import type { TpmTransport } from "@constellation/tpm2";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { createDirectFetch, type Fetch } from "./fetch.ts";
import type { HostFiles } from "./host-files.ts";
import { nodeFiles } from "./node-files.ts";

/** The machine, as far as evidence comes from it. */
export interface SourceDependencies {
  readonly files: HostFiles;
  /**
   * Opens the machine's TPM, `/dev/tpmrm0` on a real one. It is asked when the TPM is first needed, and not again after
   * it succeeded. One that fails because there is no such device fails with the system call's error.
   */
  readonly openTpm: () => Promise<TpmTransport>;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

/** Files, network and clock of this machine; `root` is `/` on a real one. */
export function nodeDependencies({
  root,
  openTpm,
}: {
  readonly root: string;
  readonly openTpm: SourceDependencies["openTpm"];
}): SourceDependencies {
  return { files: nodeFiles(root), openTpm, fetch: createDirectFetch(), clock: SYSTEM_CLOCK };
}
