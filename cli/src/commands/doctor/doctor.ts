import { CONFIG_FILE, type Config, ConfigError } from "@constellation/config";
import type { Context } from "../../context.ts";
import { CliError, reportError } from "../../errors.ts";
import { formatTable } from "../../terminal/table.ts";
import { examineImage } from "./image-check.ts";
import { examineMachine } from "./machine-check.ts";

/** One finding about this computer. */
export interface Finding {
  /** What was looked at. */
  readonly name: string;
  /** `warning`: works, but not well; `failed`: a cluster would not run. */
  readonly outcome: "ok" | "warning" | "failed";
  readonly text: string;
  /** What can be done, where something can. */
  readonly remedy?: string;
}

/** Looks at computer, workspace and image, with the workspace's configuration if there is one. */
export async function examineWorkspace(context: Context): Promise<readonly Finding[]> {
  const { workspace } = context;
  if (!workspace.has(CONFIG_FILE)) return examine(context, undefined);
  try {
    return await examine(context, await workspace.readConfig());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const finding = failed("configuration", error, "mend these fields");
    return [finding, ...(await examine(context, undefined))];
  }
}

/** Looks at computer and image. */
export async function examine(context: Context, config: Config | undefined): Promise<readonly Finding[]> {
  const infrastructure = await context.dependencies.infrastructure(context.workspace);
  const image = await examineImage(context, config);
  return [
    ...(await examineMachine(context, config)),
    ...(await infrastructure.examine(image.path, context.signal)),
    ...(await examineState(context)),
    ...image.findings,
  ];
}

/** Lists findings. */
export function describeFindings(findings: readonly Finding[], json: boolean): string {
  const healthy = findings.every((finding) => finding.outcome !== "failed");
  if (json) return `${JSON.stringify({ healthy, findings }, null, 2)}\n`;
  const lines = formatTable(findings.map(({ name, outcome, text }) => [outcome, name, text])).split("\n");
  const remedies = findings.filter((finding) => finding.outcome !== "ok" && finding.remedy !== undefined);
  const advice = remedies.map(({ name, remedy }) => `  ${name}: ${remedy}`);
  return `${[...lines, ...(advice.length === 0 ? [] : ["", "What can be done:", ...advice])].join("\n")}\n`;
}

/**
 * Says what is not well and stops if a cluster would not run.
 *
 * @throws CliError `machine`, unless --force
 */
export function requireHealthy(context: Context, findings: readonly Finding[]): void {
  const poor = findings.filter((finding) => finding.outcome !== "ok");
  if (poor.length > 0) context.io.err(describeFindings(poor, false));
  const broken = poor.filter((finding) => finding.outcome === "failed");
  if (broken.length === 0 || context.force) return;
  const names = broken.map((finding) => finding.name).join(", ");
  throw new CliError("machine", `Check this computer failed: ${names}`, {
    hint: "see what can be done above, or use --force to go on nevertheless",
  });
}

/** Turns an error into a finding. */
export function failed(name: string, error: unknown, remedy: string): Finding {
  const report = reportError(error);
  return { name, outcome: "failed", text: report.message, remedy: report.hint ?? remedy };
}

async function examineState(context: Context): Promise<Finding[]> {
  try {
    const { stateMode } = await import("@constellation/config");
    const mode = stateMode(await context.workspace.readState());
    const texts = { "pre-create": "no cluster", "pre-init": "machines, not initialised", "post-init": "a cluster" };
    return [{ name: "workspace", outcome: "ok", text: `${context.workspace.show(".")}: ${texts[mode]}` }];
  } catch (error) {
    return [failed("workspace", error, "run `constellation terminate` and begin anew")];
  }
}
