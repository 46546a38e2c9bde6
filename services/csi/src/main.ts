import { inClusterApi } from "@constellation/kube/in-cluster";
import { createLog, FlagError, parseEndpoint, parseFlags, runPod } from "@constellation/pod";
import { createLocalDriver, DRIVER_NAME } from "./local/index.ts";
import { startCsi } from "./service.ts";

const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });
const VERSION = "0.1.0";
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

await runPod(log, async () => {
  const flags = parseFlags(process.argv.slice(2), {
    "api-server": "127.0.0.1:7443",
    "api-token": `${ACCOUNT}/token`,
    "api-ca": `${ACCOUNT}/ca.crt`,
    "key-service": "key-service.kube-system.svc:9445",
    "key-service-ca": "/services-ca/ca.crt",
    "key-service-token": "/key-service-token/token",
    "node-name": "",
    "local-volumes": "/var/lib/constellation/volumes",
    "kubelet-folder": "/var/lib/kubelet",
    "run-folder": "/run/csi/headers",
    "health-port": 9446,
  });
  if (flags["node-name"] === "") throw new FlagError('got --node-name "", wanted the name of this node');
  const options = {
    api: {
      ...parseEndpoint("api-server", flags["api-server"]),
      tokenFile: flags["api-token"],
      caFile: flags["api-ca"],
    },
    keyService: {
      address: flags["key-service"],
      caFile: flags["key-service-ca"],
      tokenFile: flags["key-service-token"],
    },
    kubeletFolder: flags["kubelet-folder"],
    runFolder: flags["run-folder"],
    healthPort: flags["health-port"],
    rekeyIntervalMs: 10 * 60_000,
  };
  const local = await createLocalDriver(
    { nodeName: flags["node-name"], version: VERSION, folder: flags["local-volumes"] },
    { api: inClusterApi(options.api), log },
  );
  return await startCsi(options, [{ name: DRIVER_NAME, ...local }], log);
});
