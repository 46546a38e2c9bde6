import { createLog, parseFlags, runPod } from "@constellation/pod";
import { FLAG_DEFAULTS } from "./flags.ts";
import { startService } from "./service.ts";

const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });

await runPod(log, async () => {
  const flags = parseFlags(process.argv.slice(2), FLAG_DEFAULTS);
  const service = await startService(flags, log);
  log.record("listening", { address: service.address.address, port: service.address.port });
  return [service];
});
