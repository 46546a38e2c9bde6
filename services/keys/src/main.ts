import { createLog, parseFlags, parseSeconds, runPod } from "@constellation/pod";
import { startKeyService } from "./server.ts";

const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });

await runPod(log, async () => {
  const flags = parseFlags(process.argv.slice(2), {
    host: "127.0.0.1",
    port: 9443,
    "health-port": 9444,
    pki: "/pki",
    secret: "/secret",
    kms: "/kms",
    "keep-root-seconds": "600",
  });
  const service = await startKeyService(
    {
      host: flags.host,
      port: flags.port,
      healthPort: flags["health-port"],
      pkiDirectory: flags.pki,
      secretDirectory: flags.secret,
      kmsDirectory: flags.kms,
      keepRootMs: parseSeconds("keep-root-seconds", flags["keep-root-seconds"]) * 1000,
    },
    log,
  );
  log.record("listening", { address: service.address.address, port: service.address.port });
  return [service];
});
