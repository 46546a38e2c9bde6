import type { Appraiser } from "@constellation/atls";
import { admit, type PresentedEvidence } from "./admission.ts";
import type { Cluster } from "./cluster.ts";

/** An attested client: its evidence, kept to be judged again at each request, and whom it proved to be. */
export interface AttestedNode extends PresentedEvidence {
  readonly ekDigest: string;
  readonly nodeName: string;
}

/** Admits clients of attested connections by the cluster state at that moment. */
export function nodeAppraiser(cluster: Cluster, now: () => Date): Appraiser<AttestedNode> {
  return {
    async appraise(evidence, reportData, signal) {
      const presented = { evidence: Uint8Array.from(evidence), reportData: Uint8Array.from(reportData) };
      const { ekDigest, name } = admit(presented, await cluster.state(signal), now());
      return { ...presented, ekDigest, nodeName: name };
    },
  };
}
