import { KeysError } from "./errors.ts";
import { requireGeneration } from "./generation.ts";
import { EtcdSecretsKey } from "./roles.ts";

/** The etcd secrets key of one generation of the master secret. */
export interface EtcdKey {
  readonly generation: number;
  readonly key: EtcdSecretsKey;
}

/** An answer of the key service; its bytes are overwritten once they are taken. */
export interface GivenKey {
  readonly generation: number;
  readonly dataKey: Uint8Array;
}

/**
 * Collects the etcd secrets keys of all generations that there are, oldest first. Between the first and the current one
 * some may have been removed. Where one fails, those that were there before are overwritten.
 * @param get gives the key of a generation, 0 for the current one, `undefined` where it was removed
 * @throws KeysError `generation_answer` when an answer is not of the generation asked for, `generation_number`,
 * `secret_length`
 */
export async function collectEtcdKeys(get: (generation: number) => Promise<GivenKey | undefined>): Promise<EtcdKey[]> {
  const current = take(await get(0));
  if (current === undefined) {
    throw new KeysError("generation_answer", "Collect etcd keys failed: got no current key, wanted one");
  }
  const keys = [current];
  try {
    for (let wanted = requireGeneration(current.generation) - 1; wanted >= 1; wanted--) {
      const older = take(await get(wanted));
      if (older === undefined) continue;
      keys.push(older);
      if (older.generation !== wanted) {
        const got = `got generation "${older.generation}", wanted "${wanted}"`;
        throw new KeysError("generation_answer", `Collect etcd keys failed: ${got}`);
      }
    }
  } catch (error) {
    for (const { key } of keys) key.wipe();
    throw error;
  }
  return keys.toReversed();
}

function take(given: GivenKey | undefined): EtcdKey | undefined {
  if (given === undefined) return undefined;
  try {
    return { generation: given.generation, key: new EtcdSecretsKey(given.dataKey) };
  } finally {
    given.dataKey.fill(0);
  }
}
