import type { Attester } from "@constellation/atls";
import { AgentService, createUnixClient } from "@constellation/rpc";

/** An attester with something to close. */
export interface AgentAttester extends Attester {
  close(): Promise<void>;
}

// A quote takes long in a virtual TPM of an emulated machine.
const TIMEOUT_MS = 30_000;

/** This node's own evidence, by its agent: the TPM is the agent's alone. */
export function agentAttester(socketPath: string): AgentAttester {
  const rpc = createUnixClient(AgentService, socketPath, { timeoutMs: TIMEOUT_MS });
  return {
    async issue(reportData, signal) {
      return (await rpc.client.issueEvidence({ reportData }, { signal })).evidence;
    },
    close: () => rpc.close(),
  };
}
