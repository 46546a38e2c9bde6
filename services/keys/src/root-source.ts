import type { Limits } from "@constellation/kms";
import type { Log } from "@constellation/pod";
import { KeptRoot } from "./kept-root.ts";
import { type MasterSecretSource, mountedMasterSecret } from "./master-secret.ts";
import { openWrappedRoot, readWrappedRoot, type OpenKms, type RootDirectories } from "./wrapped-root.ts";

/** Where the root key is, and how long it is kept where a KMS has to open it. */
export interface RootSourceOptions extends RootDirectories {
  readonly keepRootMs: number;
  /** Opens a KMS; a test puts its own here. */
  readonly openKms?: OpenKms;
}

/** A source of the root key. */
export interface RootSource {
  readonly masterSecret: MasterSecretSource;
  close(): void;
}

/** A caller waits for 30 s at most. */
const KMS_LIMITS: Partial<Limits> = { attemptMs: 5_000, maxAttempts: 3, maxWaitMs: 1_000, totalMs: 12_000 };
const PAUSE_MS = 2_000;

/** The root key as the cluster has it: in its own secret, or wrapped by an external KMS, and then kept for a while. */
export function rootSource(
  { openKms = openByNetwork, keepRootMs, ...directories }: RootSourceOptions,
  log: Log,
): RootSource {
  const mounted = mountedMasterSecret(directories.secretDirectory);
  const nowMs = (): number => performance.now();
  const kept = new KeptRoot((root, signal) => openWrappedRoot(root, { openKms, log, nowMs }, signal), {
    keepMs: keepRootMs,
    pauseMs: PAUSE_MS,
    nowMs,
    schedule,
  });
  return {
    async masterSecret(signal) {
      const wrapped = await readWrappedRoot(directories, signal);
      if (wrapped === undefined) return mounted(signal);
      try {
        return { master: await kept.get(wrapped), salt: wrapped.salt };
      } finally {
        for (const secret of wrapped.keyManagement.credentials.values()) secret.wipe();
      }
    },
    close: () => kept.close(),
  };
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
