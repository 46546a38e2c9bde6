import { mkdirSync } from "node:fs";
import { uptime } from "node:os";
import { exec } from "@constellation/exec";
import { openConsole } from "./log/console.ts";
import { createLog } from "./log/log.ts";
import { describeError } from "./errors.ts";
import { runMachine } from "./machine/machine.ts";
import { STEPS } from "./machine/steps.ts";
import { wireNode } from "./machine/wire.ts";
import { DEFAULT_OPTIONS } from "./options.ts";
import { ApiProxy } from "./run/api-proxy.ts";

const options = DEFAULT_OPTIONS;
const log = createLog((line) => process.stdout.write(line));
const console = openConsole(options.console, () => uptime() * 1000);
const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) {
  process.once(name, () => stop.abort(new Error(`got signal ${name}`)));
}

process.umask(0o022);
mkdirSync(options.runDirectory, { recursive: true, mode: 0o700 });
const apiProxy = new ApiProxy({
  host: "127.0.0.1",
  port: options.ports.apiProxy,
  connectTimeoutMs: 3000,
  penaltyMs: 5000,
  nowMs: () => performance.now(),
});
const dependencies = wireNode(options, { exec, log, console, apiProxy });
try {
  await apiProxy.listen();
  await runMachine(STEPS, dependencies, stop.signal);
} catch (error) {
  if (!stop.signal.aborted) {
    log.error("agent failed", error);
    console(`failed: ${describeError(error)}`);
    process.exitCode = 1;
  }
}
// Open servers and requests must not keep a stopped agent alive.
process.exit();
