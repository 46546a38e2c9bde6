import { EvidenceError } from "@constellation/evidence";
import { CliError } from "../../errors.ts";

/** Runs `work`; files that are not what the command line says they are make the command line wrong. */
export async function asUsage<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause;
    throw new CliError("usage", cause.message, { cause });
  }
}
