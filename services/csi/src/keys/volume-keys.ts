import type { DataKey } from "@constellation/keys";

/** A volume's key, and the generation of the root that it comes from. */
export interface VolumeKey {
  readonly key: DataKey;
  readonly generation: number;
}

/** Length of a volume's key. */
export const VOLUME_KEY_BYTES = 32;

/** Where keys of volumes come from. */
export interface VolumeKeys {
  /**
   * The key of the volume with this LUKS UUID; whoever gets it wipes it.
   * @param generation 0 for the current one
   * @throws CsiError `key_unavailable`
   */
  get(uuid: string, generation: number, signal: AbortSignal): Promise<VolumeKey>;
}

/** Runs something with a volume's key and wipes it. */
export async function withVolumeKey<T>(volumeKey: VolumeKey, use: (volumeKey: VolumeKey) => Promise<T>): Promise<T> {
  try {
    return await use(volumeKey);
  } finally {
    volumeKey.key.wipe();
  }
}
