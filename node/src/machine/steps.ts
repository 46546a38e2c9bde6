import { diskStep } from "./disk.ts";
import { finishStep } from "./finish.ts";
import { freshStep } from "./fresh.ts";
import type { Steps } from "./machine.ts";
import { platformStep } from "./platform.ts";
import { rejoinStep } from "./rejoin.ts";
import { resetStep } from "./reset.ts";
import { runStep } from "./run.ts";

/** The node's way, one file for each state. */
export const STEPS: Steps = {
  platform: platformStep,
  disk: diskStep,
  fresh: freshStep,
  rejoin: rejoinStep,
  finish: finishStep,
  run: runStep,
  reset: resetStep,
};
