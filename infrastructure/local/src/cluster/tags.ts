import { findByTag, isAlive, type ProcessIdentity } from "../host/process-identity.ts";

/** The mark of a process: the run folder, which no other workspace has, and what the process is for. */
export function processTag(runFolder: string, purpose: string): string {
  return `${runFolder}#${purpose}`;
}

/**
 * The live process of a purpose: the recorded one, or one that was started by a run which was cut off before it could
 * write the record. Undefined when neither runs.
 */
export function liveProcess(recorded: ProcessIdentity | null, tag: string): ProcessIdentity | undefined {
  return recorded !== null && isAlive(recorded) ? recorded : findByTag(tag)[0];
}
