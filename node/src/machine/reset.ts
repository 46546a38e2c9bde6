import { once } from "node:events";
import type { Step } from "./machine.ts";

/** Wipes the disk and reboots: the node comes back as a fresh one. */
export const resetStep: Step<"reset"> = async ({ disk, reason }, { console, log, systemd }, signal) => {
  log.warn("node is reset", { reason });
  console(`reset: ${reason}; the disk is wiped and the machine reboots`);
  await disk.wipe();
  await systemd.reboot(signal);
  // systemd ends the agent when its turn comes.
  if (!signal.aborted) await once(signal, "abort");
  return undefined;
};
