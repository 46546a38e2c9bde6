import { equalConstantTime, fromHex } from "@constellation/bytes";
import { deriveClusterId, MasterSecret } from "@constellation/keys";
import { NodeError } from "../errors.ts";
import type { NodeState } from "../state/node-state.ts";
import { type InitHandler, refuseInit } from "./endpoint.ts";
import { InitRun } from "./run.ts";

export interface RecallOptions {
  state: NodeState;
  /** The run whose caller may have been lost, or a new one after a restart of the agent. */
  run: InitRun;
  /** Generation of the master secret that this node's disk is under. */
  diskGeneration: number;
  /** Whether the cluster's root key was wrapped by an external KMS. */
  hasKms: boolean;
}

const FIRST_GENERATION = 1;

/**
 * Answers Init on a node that was initialised: refused, except for the operator who initialised it and lost the answer.
 * Who brings the same master secret and salts (shown by the same cluster ID) could make every key of the cluster
 * anyway; such a caller hears the end of the run again, so that an interrupted `apply` goes on (T10). Once the master
 * secret was rotated its first generation opens nothing here any more: it may have been rotated because it got out.
 */
export function recallInit({ state, run, diskGeneration, hasKms }: RecallOptions): InitHandler {
  return async (request) => {
    const { masterSecret, masterSecretSalt, measurementSalt, keyManagement } = request;
    let master: MasterSecret | undefined;
    try {
      master = new MasterSecret(masterSecret);
      const clusterId = deriveClusterId(master, masterSecretSalt, measurementSalt);
      const canBeAnswered = state.origin === "init" && diskGeneration === FIRST_GENERATION;
      if (canBeAnswered && equalConstantTime(clusterId, fromHex(state.clusterId))) {
        requireSameKms(keyManagement !== undefined, hasKms);
        return run;
      }
    } catch (error) {
      if (error instanceof NodeError) throw error;
      // Not even the right lengths: refused like any other secret.
    } finally {
      master?.wipe();
      masterSecret.fill(0);
      for (const { data } of keyManagement?.credentials ?? []) data.fill(0);
    }
    return refuseInit(request);
  };
}

/** Else `apply` would take the cluster for one of the other kind, and never end. */
function requireSameKms(asked: boolean, hasKms: boolean): void {
  if (asked === hasKms) return;
  const name = (isExternal: boolean): string => (isExternal ? "an external KMS" : "none");
  const message = `Initialise node failed: got key_management of ${name(asked)}, wanted ${name(hasKms)} as at the first try`;
  throw new NodeError("already_initialised", message);
}
