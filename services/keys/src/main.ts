import { join } from "node:path";
import { inClusterApi } from "@constellation/kube/in-cluster";
import { createLog, parseEndpoint, parseFlags, parseSeconds, runPod } from "@constellation/pod";
import { startKeyService } from "./server.ts";

const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });

await runPod(log, async () => {
  const flags = parseFlags(process.argv.slice(2), {
    host: "127.0.0.1",
    port: 9443,
    "pod-host": "0.0.0.0",
    "pod-port": 9445,
    "health-port": 9444,
    "api-server": "127.0.0.1:6443",
    "service-account": "/var/run/secrets/kubernetes.io/serviceaccount",
    pki: "/pki",
    secret: "/secret",
    kms: "/kms",
    "keep-root-seconds": "600",
  });
  const kube = inClusterApi({
    ...parseEndpoint("api-server", flags["api-server"]),
    tokenFile: join(flags["service-account"], "token"),
    caFile: join(flags["service-account"], "ca.crt"),
  });
  const service = await startKeyService(
    {
      services: { host: flags.host, port: flags.port },
      pods: { host: flags["pod-host"], port: flags["pod-port"] },
      healthPort: flags["health-port"],
      pkiDirectory: flags.pki,
      secretDirectory: flags.secret,
      kmsDirectory: flags.kms,
      keepRootMs: parseSeconds("keep-root-seconds", flags["keep-root-seconds"]) * 1000,
    },
    {
      log,
      review: (...request) => kube.reviewToken(...request),
      now: () => new Date(),
      monotonicMs: () => performance.now(),
    },
  );
  log.record("listening", { address: service.address.address, port: service.address.port });
  log.record("listening-for-pods", { address: service.podAddress.address, port: service.podAddress.port });
  return [service];
});
