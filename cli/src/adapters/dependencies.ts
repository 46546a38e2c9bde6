import { randomBytes } from "node:crypto";
import type { Dependencies } from "../context.ts";

/** Everything outside of this program, as it is. Each part is imported when it is first asked for. */
export function systemDependencies(): Dependencies {
  return {
    infrastructure: async (workspace) =>
      (await import("./local-infrastructure.ts")).localInfrastructure(workspace.folder),
    nodes: async () => (await import("./nodes.ts")).attestedNodes(() => new Date()),
    appraiser: async () => (await import("./appraiser.ts")).appraiser,
    kubernetes: async (kubeconfig) => (await import("./kubernetes.ts")).kubernetesClient(kubeconfig),
    endorsements: async (options, notify) =>
      (await import("./endorsements.ts")).vendorEndorsements(options, notify, process.env),
    machine: async () => (await import("./machine.ts")).systemMachine,
    random: (lengthBytes) => new Uint8Array(randomBytes(lengthBytes)),
  };
}
