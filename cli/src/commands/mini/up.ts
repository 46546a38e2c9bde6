import {
  CONFIG_FILE,
  type Config,
  generateQemuConfig,
  staleMeasurements,
  stateMode,
  updateMeasurements,
} from "@constellation/config";
import { findImage, readImage } from "../../cluster/image.ts";
import { removedWorkers } from "../../cluster/removal.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { confirm } from "../../terminal/prompt.ts";
import { ADMIN_CONF_FILE } from "../../workspace/workspace.ts";
import { type ApplyResult, apply, describeResult } from "../apply/apply.ts";
import { examine, requireHealthy } from "../doctor/doctor.ts";

/** Name of the small cluster. */
export const MINI_NAME = "mini";

const MINI = { controlPlaneCount: 1, workerCount: 1, stateDiskSizeGB: 8, throwawayDisks: true } as const;
/** How long a running cluster may take to answer; under emulation one that has just started is slow. */
const QUICK_CHECK_MS = { kvm: 15_000, tcg: 60_000 } as const;

/** Options of `mini up`. */
export interface MiniUpOptions {
  readonly image?: string;
  readonly yes: boolean;
}

/** Creates the small cluster or brings it up again, and gives the report. */
export async function miniUp(context: Context, options: MiniUpOptions): Promise<string> {
  const { workspace, progress } = context;
  const running = await progress.step("Look for a running cluster", () => findRunning(context));
  if (running !== undefined) return describeResult(context, running);
  await workspace.create();
  const config = await ensureConfig(context, options);
  const findings = await progress.step("Check this computer", () => examine(context, config));
  requireHealthy(context, findings);
  const result = await apply(context, { yes: true, skipPhases: new Set(), skipNodeWait: false, imageIsExamined: true });
  return describeResult(context, result);
}

/** The cluster of this workspace if everything of it is up: machines run and all nodes are Ready. */
async function findRunning(context: Context): Promise<ApplyResult | undefined> {
  const { workspace, dependencies } = context;
  if (!workspace.has(CONFIG_FILE) || !workspace.has(ADMIN_CONF_FILE)) return undefined;
  const [config, state] = [await workspace.readConfig(), await workspace.readState()];
  if (stateMode(state) !== "post-init") return undefined;
  const recorded = state.infrastructure.qemu?.nodes ?? [];
  const asked = Object.values(config.nodeGroups).reduce((sum, group) => sum + group.initialCount, 0);
  if (recorded.length !== asked || removedWorkers(state).length > 0) return undefined;
  const processes = await (await dependencies.infrastructure(workspace)).status(context.signal);
  if (processes.length === 0 || processes.some((process) => process.state !== "running")) return undefined;
  const kubernetes = await dependencies.kubernetes(await workspace.readAdminConf());
  const timeoutMs = QUICK_CHECK_MS[state.infrastructure.qemu?.accel || "kvm"];
  const nodes = await kubernetes
    .nodes(AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]))
    .catch(() => []);
  context.signal.throwIfAborted();
  const ready = recorded.every(({ name }) => nodes.some((node) => node.name === name && node.ready));
  return ready ? { config, state, nodes } : undefined;
}

async function ensureConfig(context: Context, options: MiniUpOptions): Promise<Config> {
  const { workspace, io } = context;
  if (!workspace.has(CONFIG_FILE)) {
    const image = await findImage(context, options.image);
    const yaml = generateQemuConfig({
      ...MINI,
      name: MINI_NAME,
      image: workspace.portable(image.path),
      measurements: image.measurements,
      debugCluster: image.debug,
    });
    await workspace.createConfig(yaml);
    io.err(`The configuration was written to ${workspace.show(CONFIG_FILE)}.\n`);
    return workspace.readConfig();
  }
  const config = await workspace.readConfig();
  if (config.name !== MINI_NAME) {
    throw new CliError(
      "workspace",
      `Bring mini cluster up failed: the cluster here is "${config.name}", wanted "${MINI_NAME}"`,
      {
        hint: "use `constellation apply` for it, or another folder with --workspace",
      },
    );
  }
  await offerNewMeasurements(context, config, options.yes);
  return workspace.readConfig();
}

/** An image that was built anew has other measurements; as long as there is no cluster they can be taken over. */
async function offerNewMeasurements(context: Context, config: Config, yes: boolean): Promise<void> {
  const { workspace, io } = context;
  if (stateMode(await workspace.readState()) !== "pre-create") return;
  const image = await readImage(context, config.image);
  const stale = staleMeasurements(config, image.measurements);
  if (stale.length === 0) return;
  io.err(`The image was built anew: its measurements (PCR ${stale.join(", ")}) are not those of the configuration.\n`);
  if (!yes) {
    context.progress.pause();
    if (!(await confirm(io, "Do you want to take over the image's measurements?", context.signal))) return;
  }
  await workspace.replaceConfig(updateMeasurements(await workspace.readConfigText(), image.measurements));
}
