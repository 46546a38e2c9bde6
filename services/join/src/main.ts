import { join } from "node:path";
import { inClusterApi } from "@constellation/kube/in-cluster";
import { createLog, parseEndpoint, parseFlags, runPod } from "@constellation/pod";
import { agentAttester } from "./agent-attester.ts";
import { Cluster } from "./cluster.ts";
import { ClusterPki } from "./cluster-pki.ts";
import { keyServiceKeys } from "./key-service.ts";
import { mountedSelfRecovery } from "./self-recovery.ts";
import { startJoinService } from "./server.ts";

const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });

await runPod(log, async () => {
  const flags = parseFlags(process.argv.slice(2), {
    host: "0.0.0.0",
    port: 30090,
    "health-port": 30091,
    "api-server": "127.0.0.1:6443",
    "service-account": "/var/run/secrets/kubernetes.io/serviceaccount",
    "agent-socket": "/run/constellation/agent.sock",
    "key-service": "127.0.0.1:9443",
    pki: "/pki",
    "kubernetes-pki": "/kubernetes-pki",
    kms: "/kms",
    "wrapped-root": "/wrapped-root",
  });
  const kube = inClusterApi({
    ...parseEndpoint("api-server", flags["api-server"]),
    tokenFile: join(flags["service-account"], "token"),
    caFile: join(flags["service-account"], "ca.crt"),
  });
  const attester = agentAttester(flags["agent-socket"]);
  const service = await startJoinService(
    { host: flags.host, port: flags.port, healthPort: flags["health-port"] },
    {
      cluster: new Cluster(kube),
      pki: new ClusterPki(flags["kubernetes-pki"]),
      keys: keyServiceKeys(parseEndpoint("key-service", flags["key-service"]), flags.pki),
      selfRecovery: mountedSelfRecovery({ kms: flags.kms, wrappedRoot: flags["wrapped-root"] }),
      attester,
      log,
      now: () => new Date(),
      monotonicMs: () => performance.now(),
    },
  );
  log.record("listening", { address: service.address.address, port: service.address.port });
  return [service, attester];
});
