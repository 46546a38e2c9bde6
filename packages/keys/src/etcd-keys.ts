import { KeysError } from "./errors.ts";
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

/** Greatest number of a generation: more rotations than a cluster can see. */
export const MAX_GENERATION = 1_000_000;

/** More generations than anyone holds at once. */
const MAX_GENERATIONS_HELD = 64;

/**
 * Checks the number of a generation of the master secret.
 * @throws KeysError `generation`
 */
export function validateGeneration(generation: number): void {
  if (Number.isInteger(generation) && generation >= 1 && generation <= MAX_GENERATION) return;
  throw new KeysError(
    "generation",
    `Check key generation failed: got "${generation}", wanted a whole number from 1 to ${MAX_GENERATION}`,
  );
}

/**
 * Collects the etcd secrets keys of all generations that there are: the current one, and downwards from it to the first
 * one that was dropped.
 * @param get gives the key of a generation, 0 for the current one, `undefined` where it was dropped
 * @throws KeysError `generation` when an answer is not of the generation asked for, `secret_length`
 */
export async function collectEtcdKeys(get: (generation: number) => Promise<GivenKey | undefined>): Promise<EtcdKey[]> {
  const current = take(await get(0));
  if (current === undefined) throw new KeysError("generation", "Collect etcd keys failed: got no current key");
  validateGeneration(current.generation);
  const keys = [current];
  for (let wanted = current.generation - 1; wanted >= 1 && keys.length < MAX_GENERATIONS_HELD; wanted--) {
    const older = take(await get(wanted));
    if (older === undefined) break;
    if (older.generation !== wanted) {
      const got = `got generation "${older.generation}", wanted "${wanted}"`;
      throw new KeysError("generation", `Collect etcd keys failed: ${got}`);
    }
    keys.push(older);
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
