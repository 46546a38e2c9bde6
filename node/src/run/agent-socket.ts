import type { Attester } from "@constellation/atls";
import { AgentService, type RpcServer, serveUnix } from "@constellation/rpc";

/** Serves evidence to the join service's pod on this node. Only root can open the socket. */
export function serveAgentSocket(attester: Attester, path: string): Promise<RpcServer<string>> {
  return serveUnix({
    path,
    mode: 0o600,
    statuses: { request: "invalid-argument" },
    routes: (router) =>
      router.service(AgentService, {
        async issueEvidence({ reportData }, context) {
          return { evidence: await attester.issue(reportData, context.signal) };
        },
      }),
  });
}
