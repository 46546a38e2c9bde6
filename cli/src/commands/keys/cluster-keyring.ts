import { keyringOf, type MasterSecretFile } from "@constellation/config";
import {
  KEY_LENGTH_BYTES,
  type KeyGeneration,
  type Keyring,
  KeysError,
  MasterSecret,
  parseKeyringEntries,
  Secret,
  type StoredGeneration,
} from "@constellation/keys";
import { retryKubernetes } from "../../cluster/kubernetes.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import type { KubernetesPort } from "../../ports/cluster.ts";
import type { KeyringSecret } from "../../ports/keyring.ts";

/** The keyring as the cluster has it. */
export interface ClusterKeyring {
  readonly secret: KeyringSecret;
  readonly stored: readonly StoredGeneration[];
  /** Current generation of the cluster. */
  readonly clusterCurrent: number;
  /** Whether an external KMS wrapped it: then nobody here knows it, and it can't be rotated. */
  readonly isWrapped: boolean;
}

/** The keyring as this workspace and as the cluster have it. */
export interface Keyrings extends ClusterKeyring {
  readonly file: MasterSecretFile;
  readonly own: Keyring;
}

const HINT_BACKUP = "bring the file back from where the master secret was rotated last";

/**
 * Reads both keyrings and sees that the cluster's is this workspace's, or an earlier state of it: the file is always
 * written first.
 * @throws CliError `cluster`, `refused`, `unsupported-change`
 */
export async function readKeyrings(context: Context, kubernetes: KubernetesPort): Promise<Keyrings> {
  const cluster = await readClusterKeyring(context, kubernetes);
  if (cluster.isWrapped) {
    const message = "Change master secret failed: it is wrapped by an external KMS, wanted one that the cluster keeps";
    throw new CliError("unsupported-change", message, { hint: "rotate the key in the KMS instead" });
  }
  const file = await context.workspace.readMasterSecret();
  const own = keyringOf(file);
  for (const generation of cluster.stored) requireSame(own, generation);
  return { ...cluster, file, own };
}

/**
 * Reads the cluster's keyring alone.
 * @throws CliError `cluster`
 */
export async function readClusterKeyring(context: Context, kubernetes: KubernetesPort): Promise<ClusterKeyring> {
  const secret = await retryKubernetes(context, (signal) => kubernetes.readKeyring(signal));
  if (secret === undefined) {
    throw new CliError("cluster", "Read keyring of the cluster failed: it has no Secret with the master secret");
  }
  const stored = parse(secret);
  const isWrapped = stored.some(({ kind }) => kind === "wrapped");
  if (isWrapped && stored.some(({ kind }) => kind === "plain")) {
    throw new CliError(
      "cluster",
      "Read keyring of the cluster failed: some generations are wrapped by a KMS, some are not",
      {
        hint: "somebody has changed Secret kube-system/constellation-master-secret: the key services refuse it as it is",
      },
    );
  }
  return { secret, stored, clusterCurrent: stored.length, isWrapped };
}

function parse({ entries }: KeyringSecret): StoredGeneration[] {
  try {
    return parseKeyringEntries(entries);
  } catch (cause) {
    if (!(cause instanceof KeysError)) throw cause;
    throw new CliError("cluster", "Read keyring of the cluster failed: its Secret is not what was written", { cause });
  } finally {
    for (const bytes of Object.values(entries)) bytes.fill(0);
  }
}

function requireSame(own: Keyring, stored: StoredGeneration): void {
  const { generation, kind } = stored;
  if (generation > own.current) {
    const message = `Compare keyrings failed: the cluster has generation ${generation}, constellation-mastersecret.json has ${own.current} at most`;
    throw new CliError("refused", message, { hint: HINT_BACKUP });
  }
  const isKnown = own.numbers.includes(generation);
  if (kind !== "plain") return;
  if (!isKnown) {
    // The Secret lost it first: a file without it, and a Secret with it, is nothing that we do.
    const message = `Compare keyrings failed: the cluster has generation ${generation}, constellation-mastersecret.json has it no more`;
    throw new CliError("refused", message, { hint: HINT_BACKUP });
  }
  const { master, salt } = own.get(generation);
  if (!master.equals(stored.master) || !new Secret(salt).equals(new Secret(stored.salt))) {
    const message = `Compare keyrings failed: generation ${generation} of the cluster is not that of constellation-mastersecret.json`;
    throw new CliError("refused", message, { hint: "the file is another cluster's, or was changed" });
  }
}

/** A new generation of random bytes. */
export function newGeneration(context: Context, generation: number): KeyGeneration {
  const random = (): Uint8Array => context.dependencies.random(KEY_LENGTH_BYTES);
  const bytes = random();
  try {
    return { generation, master: new MasterSecret(bytes), salt: random() };
  } finally {
    bytes.fill(0);
  }
}
