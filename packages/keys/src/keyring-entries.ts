import { KeysError } from "./errors.ts";
import { isGeneration, type KeyGeneration, MAX_GENERATION, requireSalt } from "./generation.ts";
import type { Keyring } from "./keyring.ts";
import { KEY_LENGTH_BYTES, MasterSecret } from "./roles.ts";

/** The entries of the Kubernetes Secret that holds the keyring: names to bytes. */
export type KeyringEntries = Readonly<Record<string, Uint8Array>>;

/** A generation as the Secret has it. */
export type StoredGeneration =
  | ({ readonly kind: "plain" } & KeyGeneration)
  /** Wrapped by an external KMS. */
  | { readonly kind: "wrapped"; readonly generation: number; readonly wrapped: Uint8Array; readonly salt: Uint8Array }
  /** Removed because nothing used it any more: its entries stay, empty, so that a lost one is not taken for it. */
  | { readonly kind: "removed"; readonly generation: number };

const ENTRY = /^(mastersecret|salt)(?:-([1-9][0-9]{0,2}))?(\.wrapped)?$/;
/** Envelopes are of a few hundred bytes; no KMS makes more than some thousand. */
const MAX_WRAPPED_BYTES = 16 * 1024;

/** Names of a generation's entries: `mastersecret` and `salt`, from the second on with its number. */
export function generationEntries(generation: number): { secret: string; wrapped: string; salt: string } {
  const suffix = generation === 1 ? "" : `-${generation}`;
  return { secret: `mastersecret${suffix}`, wrapped: `mastersecret${suffix}.wrapped`, salt: `salt${suffix}` };
}

/**
 * Reads a keyring from the entries of its Secret, strictly: generations 1 to the current one without a gap, each whole,
 * and nothing else. What was written before there were generations is the first of them. Takes copies: the caller can
 * clear its own.
 * @throws KeysError `entry_unknown`, `entry_missing`, `entry_length`, `generation_missing`; no message has a secret in it
 */
export function parseKeyringEntries(entries: KeyringEntries): StoredGeneration[] {
  const numbers = new Set(Object.keys(entries).map(generationOf));
  const current = Math.max(0, ...numbers);
  const missing = Array.from({ length: current }, (_, index) => index + 1).find((number) => !numbers.has(number));
  if (current === 0 || missing !== undefined) {
    const message = `Read keyring failed: got no entries of generation "${missing ?? 1}", wanted "${generationEntries(missing ?? 1).secret}"`;
    throw new KeysError("generation_missing", message);
  }
  const stored: StoredGeneration[] = [];
  try {
    for (let generation = 1; generation <= current; generation++) {
      stored.push(parseGeneration(entries, generation, current));
    }
    return stored;
  } catch (error) {
    for (const entry of stored) if (entry.kind === "plain") entry.master.wipe();
    throw error;
  }
}

/**
 * The generations that can be used, where none is wrapped.
 * @throws KeysError `generation_wrapped`
 */
export function openGenerations(stored: readonly StoredGeneration[]): KeyGeneration[] {
  return stored.flatMap((entry) => {
    if (entry.kind === "removed") return [];
    if (entry.kind === "plain") return [{ generation: entry.generation, master: entry.master, salt: entry.salt }];
    const message = `Open keyring failed: got a wrapped master secret of generation "${entry.generation}", wanted a plain one`;
    throw new KeysError("generation_wrapped", message);
  });
}

/** The entries of a keyring's Secret, with empty ones in the place of generations that were removed. Secret bytes. */
export function formatKeyringEntries(keyring: Keyring): Record<string, Uint8Array> {
  const entries: Record<string, Uint8Array> = {};
  for (let generation = 1; generation <= keyring.current; generation++) {
    const { secret, salt } = generationEntries(generation);
    const found = keyring.numbers.includes(generation) ? keyring.get(generation) : undefined;
    entries[secret] = found?.master.reveal() ?? new Uint8Array();
    entries[salt] = found?.salt ?? new Uint8Array();
  }
  return entries;
}

function generationOf(name: string): number {
  const [matched, part, number, wrapped] = ENTRY.exec(name) ?? [];
  const generation = number === undefined ? 1 : Number(number);
  const isNamed = number === undefined || generation > 1;
  if (matched !== undefined && isNamed && isGeneration(generation) && !(part === "salt" && wrapped !== undefined)) {
    return generation;
  }
  const wanted = `mastersecret, salt, mastersecret-<2 to ${MAX_GENERATION}>, salt-<2 to ${MAX_GENERATION}>`;
  const message = `Read keyring failed: got entry ${JSON.stringify(name.slice(0, 60))}, wanted one of ${wanted}`;
  throw new KeysError("entry_unknown", message);
}

function parseGeneration(entries: KeyringEntries, generation: number, current: number): StoredGeneration {
  const names = generationEntries(generation);
  const [secret, wrapped, salt] = [names.secret, names.wrapped, names.salt].map((name) => entryOf(entries, name));
  if (secret !== undefined && wrapped !== undefined) {
    const message = `Read keyring failed: got both "${names.secret}" and "${names.wrapped}", wanted one of them`;
    throw new KeysError("entry_unknown", message);
  }
  if (salt === undefined) throw missingEntry(names.salt);
  if (wrapped !== undefined) {
    requireLength(names.wrapped, wrapped, 1, MAX_WRAPPED_BYTES);
    return { kind: "wrapped", generation, wrapped: Uint8Array.from(wrapped), salt: ownSalt(generation, salt) };
  }
  if (secret === undefined) throw missingEntry(names.secret);
  // Only what lies between the first and the current generation can have been removed.
  const canBeRemoved = generation > 1 && generation < current;
  if (canBeRemoved && secret.length === 0 && salt.length === 0) return { kind: "removed", generation };
  requireLength(names.secret, secret, KEY_LENGTH_BYTES, KEY_LENGTH_BYTES);
  const own = ownSalt(generation, salt);
  return { kind: "plain", generation, master: new MasterSecret(secret), salt: own };
}

/** Not `slice()`: of a Buffer that would be the same memory. */
function ownSalt(generation: number, salt: Uint8Array): Uint8Array {
  return Uint8Array.from(requireSalt(generation, salt));
}

function entryOf(entries: KeyringEntries, name: string): Uint8Array | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

function missingEntry(name: string): KeysError {
  return new KeysError("entry_missing", `Read keyring failed: got no entry "${name}", wanted one`);
}

function requireLength(name: string, value: Uint8Array, min: number, max: number): void {
  if (value.length >= min && value.length <= max) return;
  const wanted = min === max ? `"${min}"` : `"${min}" to "${max}"`;
  throw new KeysError(
    "entry_length",
    `Read keyring failed: got "${value.length}" bytes in "${name}", wanted ${wanted}`,
  );
}
