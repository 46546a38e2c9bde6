import { EvidenceError } from "@constellation/evidence";
import { CliError } from "../../errors.ts";

/** Runs `work`; files that are not what the command line says they are make the command line wrong. */
export function asUsage<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause;
    throw new CliError("usage", cause.message, { cause });
  }
}
