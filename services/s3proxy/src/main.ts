import { createLog, parseFlags, runPod } from "@constellation/pod";
import { startService } from "./service.ts";

const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });

await runPod(log, async () => {
  const flags = parseFlags(process.argv.slice(2), {
    host: "0.0.0.0",
    port: 4433,
    "health-port": 4434,
    domain: "",
    tls: "/tls",
    region: "us-east-1",
    clients: "/credentials/clients.json",
    "store-endpoint": "",
    "store-region": "us-east-1",
    "store-credentials": "/credentials/store.json",
    "store-ca": "",
    "key-service": "key-service.kube-system.svc:9445",
    "services-ca": "/services-ca/ca.crt",
    "key-service-token": "/key-service-token/token",
    "allow-plaintext-reads": "false",
  });
  const service = await startService(flags, log);
  log.record("listening", { address: service.address.address, port: service.address.port });
  return [service];
});
