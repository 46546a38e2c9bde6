import { FreshInit } from "../init/fresh-init.ts";
import { describeError } from "../errors.ts";
import { joinCluster } from "../join/fresh-join.ts";
import { unlessAborted } from "../unless-aborted.ts";
import { AdmissionLock } from "./lock.ts";
import type { Step } from "./machine.ts";
import type { State } from "./state.ts";

/**
 * Waits to become a member. A machine that its host calls a control plane can be initialised or can join, whichever
 * comes first; any other can only join.
 */
export const freshStep: Step<"fresh"> = async ({ platform, disk, fresh }, dependencies, signal) => {
  const { console, log, services } = dependencies;
  const lock = new AdmissionLock();
  const joining = new AbortController();
  const node = { platform, disk, fresh };
  const init = new FreshInit(node, dependencies, lock, () => joining.abort(), signal);
  const outcomes: Promise<State>[] = [];

  if (platform.metadata.role === "control-plane") {
    services.setInitHandler(init.handler);
    await services.openInitDoor(platform);
    outcomes.push(
      init.outcome.then((outcome) => {
        if (outcome.kind === "failed") return { kind: "reset", disk, reason: outcome.reason };
        return { kind: "finish", platform, member: { ...outcome.member, initRun: outcome.run } };
      }),
    );
  }
  console(`waiting to join${platform.metadata.role === "control-plane" ? " or to be initialised" : ""}`);
  const join = joinCluster(node, dependencies, lock, AbortSignal.any([signal, joining.signal])).then(
    (member): Promise<State> | State => (member === undefined ? never() : { kind: "finish", platform, member }),
    (error: unknown): Promise<State> | State => {
      // Init was faster, or the agent ends.
      if (lock.owner === "init" || signal.aborted) return never();
      if (lock.owner !== "join") throw error;
      log.error("join failed", error);
      return { kind: "reset", disk, reason: `join failed: ${describeError(error)}` };
    },
  );
  outcomes.push(join);
  return await unlessAborted(Promise.race(outcomes), signal);
};

function never(): Promise<State> {
  return new Promise(() => {});
}
