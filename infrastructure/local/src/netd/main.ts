import { systemErrorCode } from "../errors.ts";
import { runNetd } from "./run-netd.ts";

const configPath = process.argv[2];
if (configPath === undefined) {
  console.error("Start netd failed: got no argument, wanted the path of its configuration");
  process.exit(2);
}
try {
  await runNetd(configPath);
} catch (error) {
  console.error(systemErrorCode(error) ?? "error", error instanceof Error ? error.message : error);
  process.exit(1);
}
