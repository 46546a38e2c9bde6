import { Keyring, type KeyGeneration, type StoredGeneration } from "@constellation/keys";
import type { Limits } from "@constellation/kms";
import type { Log } from "@constellation/pod";
import { KeptRoot } from "./kept-root.ts";
import { readKeyManagement } from "./key-management.ts";
import { type OpenKms, openWrappedRoot, type WrappedRoot, wrappedRoot } from "./wrapped-root.ts";

/** Where the way to the KMS is, and how long what it opened is kept. */
export interface WrappedKeyringOptions {
  /** Folder with the way to the external KMS; empty, or not there, where the cluster has none. */
  readonly kmsDirectory: string;
  readonly keepRootMs: number;
  /** Opens a KMS; a test puts its own here. */
  readonly openKms?: OpenKms;
}

/** A caller waits for 30 s at most. */
const KMS_LIMITS: Partial<Limits> = { attemptMs: 5_000, maxAttempts: 3, maxWaitMs: 1_000, totalMs: 12_000 };
const PAUSE_MS = 2_000;

type Envelope = Extract<StoredGeneration, { kind: "wrapped" }>;

/** A keyring whose generations an external KMS opens; each is kept for a bounded time. */
export class WrappedKeyring {
  readonly #options: WrappedKeyringOptions;
  readonly #log: Log;
  readonly #kept = new Map<number, KeptRoot>();

  constructor(options: WrappedKeyringOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** @throws KeyServiceError `master_secret_unavailable` */
  async open(envelopes: readonly Envelope[], signal: AbortSignal): Promise<Keyring> {
    const way = await readKeyManagement(this.#options.kmsDirectory, signal);
    try {
      return new Keyring(await this.#openAll(envelopes.map((envelope) => wrappedRoot(envelope, way))));
    } finally {
      for (const secret of way.keyManagement.credentials.values()) secret.wipe();
    }
  }

  /** Ends calls to the KMS, and overwrites what is kept. */
  close(): void {
    for (const kept of this.#kept.values()) kept.close();
  }

  /** Waits for all, whatever becomes of one: the credentials are in use until then. */
  async #openAll(roots: readonly WrappedRoot[]): Promise<KeyGeneration[]> {
    const opened = await Promise.allSettled(
      roots.map(async (root): Promise<KeyGeneration> => {
        const { generation, salt } = root;
        return { generation, salt, master: await this.#keptOf(generation).get(root) };
      }),
    );
    const failed = opened.find((outcome) => outcome.status === "rejected");
    const generations = opened.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    if (failed === undefined) return generations;
    for (const { master } of generations) master.wipe();
    throw failed.reason;
  }

  #keptOf(generation: number): KeptRoot {
    const { openKms = openByNetwork, keepRootMs } = this.#options;
    const known = this.#kept.get(generation);
    if (known !== undefined) return known;
    const nowMs = (): number => performance.now();
    const parts = { openKms, log: this.#log, nowMs };
    const kept = new KeptRoot((root, signal) => openWrappedRoot(root, parts, signal), {
      keepMs: keepRootMs,
      pauseMs: PAUSE_MS,
      nowMs,
      schedule,
    });
    this.#kept.set(generation, kept);
    return kept;
  }
}

/** Clusters that keep their root key themselves need no KMS, and do not load any. */
const openByNetwork: OpenKms = async (keyManagement, signal) => {
  const { clusterKmsDependencies, openClusterKms } = await import("@constellation/kms");
  return openClusterKms(keyManagement, clusterKmsDependencies(KMS_LIMITS), signal);
};

function schedule(ms: number, run: () => void): { readonly cancel: () => void } {
  const timer = setTimeout(run, ms).unref();
  return { cancel: () => clearTimeout(timer) };
}
