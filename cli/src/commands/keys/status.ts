import { stateMode } from "@constellation/config";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import { printableLines } from "../../terminal/printable.ts";
import { formatTable } from "../../terminal/table.ts";
import { type ClusterKeyring, type Keyrings, readClusterKeyring, readKeyrings } from "./cluster-keyring.ts";
import { isUpToDate, type KeyUsage, readUsage, type Usage } from "./usage.ts";

/** What `keys status` reports. */
export interface KeysStatus extends KeyUsage {
  /** Current generation of the cluster. */
  readonly current: number;
  readonly generations: readonly GenerationStatus[];
  /** Whether everything uses the current generation, and the cluster has what the file has. */
  readonly upToDate: boolean;
  /** Whether an external KMS wrapped the master secret. */
  readonly externalKms: boolean;
}

/** One generation: `pending` is in the file, and not in the cluster yet. */
export interface GenerationStatus {
  readonly generation: number;
  readonly state: "current" | "older" | "removed" | "pending";
}

const MAX_NAMES = 10;

/** Looks at both keyrings and at what uses their keys; where an external KMS has the root key, at the cluster's alone. */
export async function keysStatus(context: Context): Promise<KeysStatus> {
  const kubernetes = await openKubernetes(context, "Read key status");
  const cluster = await readClusterKeyring(context, kubernetes);
  if (cluster.isWrapped) return await statusOf(context, kubernetes, cluster);
  const keyrings = await readKeyrings(context, kubernetes);
  try {
    return await statusOf(context, kubernetes, keyrings);
  } finally {
    keyrings.own.wipe();
  }
}

/** What the keyrings that were just read say, with what uses them now. */
export async function statusOf(
  context: Context,
  kubernetes: KubernetesPort,
  keyrings: ClusterKeyring & Partial<Keyrings>,
): Promise<KeysStatus> {
  const { own, stored, secret, isWrapped, clusterCurrent: current } = keyrings;
  const usage = await readUsage(context, kubernetes, secret, current);
  const known = stored.map(({ generation, kind }): GenerationStatus => {
    if (kind === "removed") return { generation, state: "removed" };
    return { generation, state: generation === current ? "current" : "older" };
  });
  const pending = own?.numbers.filter((generation) => generation > current) ?? [];
  return {
    current,
    generations: [...known, ...pending.map((generation) => ({ generation, state: "pending" as const }))],
    upToDate: pending.length === 0 && isUpToDate(usage, current),
    externalKms: isWrapped,
    ...usage,
  };
}

/** Kubernetes of an initialised cluster. @throws CliError `workspace` */
export async function openKubernetes(context: Context, operation: string): Promise<KubernetesPort> {
  if (stateMode(await context.workspace.readState()) !== "post-init") {
    throw new CliError("workspace", `${operation} failed: the cluster was never initialised`, {
      hint: "run `constellation apply`",
    });
  }
  return await context.dependencies.kubernetes(await context.workspace.readAdminConf());
}

/** The report for people or as JSON. */
export function describeKeys(report: KeysStatus, json: boolean): string {
  if (json) return `${JSON.stringify(report, null, 2)}\n`;
  const { rewrittenGeneration, encryptingGeneration } = report.kubernetesSecrets;
  const secrets =
    rewrittenGeneration >= report.current
      ? `all under generation ${rewrittenGeneration}`
      : `from generation ${rewrittenGeneration} on; API servers encrypt under ${encryptingGeneration}`;
  const rows = [
    ["Current generation", String(report.current)],
    ["Generations", report.generations.map(({ generation, state }) => `${generation} (${state})`).join(", ")],
    ["State disks", describeUsage(report.stateDisks)],
    ["Volumes", describeUsage(report.volumes)],
    ["Kubernetes secrets", secrets],
    ["Everything current", report.upToDate ? "yes" : "no"],
    ...(report.externalKms ? [["Master secret", "wrapped by an external KMS"]] : []),
  ];
  return printableLines(`${formatTable(rows)}\n`);
}

function describeUsage({ total, older }: Usage): string {
  if (total === 0) return "none";
  if (older.length === 0) return `all ${total} current`;
  const names = older.slice(0, MAX_NAMES).join(", ");
  const more = older.length > MAX_NAMES ? ` and ${older.length - MAX_NAMES} more` : "";
  return `${total - older.length} of ${total} current; older or unknown: ${names}${more}`;
}
