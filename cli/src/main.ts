#!/usr/bin/env -S node
import { processIo } from "./terminal/process-io.ts";
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2), {
  io: processIo(),
  signals: process,
  environment: process.env,
  workingDirectory: process.cwd(),
});
