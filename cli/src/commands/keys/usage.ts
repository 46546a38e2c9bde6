import { recordedNodes } from "@constellation/config";
import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import type { KeyringSecret } from "../../ports/keyring.ts";

/** What uses keys of which generation. */
export interface Usage {
  readonly total: number;
  /** How many by generation. */
  readonly byGeneration: Readonly<Record<string, number>>;
  /** Names of what uses an older generation than the current one, or does not say which. */
  readonly older: readonly string[];
  /** Those of them that do not say which. */
  readonly unknown: readonly string[];
}

/** Kubernetes secrets in etcd. */
export interface SecretsUsage {
  /** All secrets are under keys of this generation or later ones. */
  readonly rewrittenGeneration: number;
  /** Oldest generation under which an API server encrypts now. */
  readonly encryptingGeneration: number;
}

/** All that uses keys of the keyring, as far as the cluster knows it. */
export interface KeyUsage {
  readonly stateDisks: Usage;
  readonly volumes: Usage;
  readonly kubernetesSecrets: SecretsUsage;
}

interface User {
  readonly name: string;
  readonly generation: number | undefined;
}

const FIRST = 1;

/** Asks the cluster what uses which generation. A recorded machine without a node may have a disk all the same. */
export async function readUsage(
  context: Context,
  kubernetes: KubernetesPort,
  secret: KeyringSecret,
  current: number,
): Promise<KeyUsage> {
  const recorded = recordedNodes(await context.workspace.readState());
  const nodes = await retryKubernetes(context, (signal) => kubernetes.nodeGenerations(signal));
  const volumes = await retryKubernetes(context, (signal) => kubernetes.volumeGenerations(signal));
  const names = new Set([...recorded, ...nodes].map(({ name }) => name));
  const disks = [...names].map((name) => ({
    name,
    generation: nodes.find((node) => node.name === name)?.stateDisk,
  }));
  const apiServers = nodes.filter(({ isControlPlane }) => isControlPlane).map(({ apiServer }) => apiServer ?? FIRST);
  return {
    stateDisks: usageOf(disks, current),
    // The layer writes the annotation with the volume; one from before there were generations is of the first.
    volumes: usageOf(
      volumes.map(({ name, generation }) => ({ name, generation: generation ?? FIRST })),
      current,
    ),
    kubernetesSecrets: {
      rewrittenGeneration: secret.rewrittenGeneration,
      encryptingGeneration: apiServers.length === 0 ? FIRST : Math.min(...apiServers),
    },
  };
}

function usageOf(users: readonly User[], current: number): Usage {
  const byGeneration: Record<string, number> = {};
  for (const { generation } of users) {
    const key = generation === undefined ? "unknown" : String(generation);
    byGeneration[key] = (byGeneration[key] ?? 0) + 1;
  }
  const older = users.filter(({ generation }) => generation === undefined || generation < current);
  return {
    total: users.length,
    byGeneration,
    older: older.map(({ name }) => name),
    unknown: older.filter(({ generation }) => generation === undefined).map(({ name }) => name),
  };
}

/** Whether everything uses the current generation. */
export function isUpToDate({ stateDisks, volumes, kubernetesSecrets }: KeyUsage, current: number): boolean {
  return (
    stateDisks.older.length === 0 && volumes.older.length === 0 && kubernetesSecrets.rewrittenGeneration >= current
  );
}

/**
 * Who may still use a generation, in words; nobody if it is empty. What a node or volume says is written after its key was
 * changed, so one that says an older generation may use this one already; what does not say which may use any.
 */
export function usersOf({ stateDisks, volumes, kubernetesSecrets }: KeyUsage, generation: number): string[] {
  const users: string[] = [];
  const disks = upTo(stateDisks, generation);
  if (disks > 0) users.push(`${disks} state disk${disks === 1 ? "" : "s"}`);
  const volumeCount = upTo(volumes, generation);
  if (volumeCount > 0) users.push(`${volumeCount} volume${volumeCount === 1 ? "" : "s"}`);
  const { rewrittenGeneration, encryptingGeneration } = kubernetesSecrets;
  if (Math.min(rewrittenGeneration, encryptingGeneration) <= generation) users.push("Kubernetes secrets");
  return users;
}

function upTo({ byGeneration }: Usage, generation: number): number {
  const counts = Object.entries(byGeneration).filter(([key]) => key === "unknown" || Number(key) <= generation);
  return counts.reduce((sum, [, count]) => sum + count, 0);
}
