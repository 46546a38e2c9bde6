import { KmsError, quoted } from "../error.ts";

/** Keeps wrapped keys by their IDs. What is in it is public for who has no access to the KMS, and is not trusted. */
export interface WrappedKeyStore {
  /** The bytes of an ID; undefined where there are none. Throws KmsError. */
  get(id: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /**
   * Keeps bytes under an ID that has none yet, whole or not at all. False where another was first: of several that try
   * at once, one succeeds. Throws KmsError, after which it may or may not have been kept.
   */
  putIfAbsent(id: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** All IDs that begin with `prefix`, sorted. Throws KmsError. */
  list(prefix: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Removes an ID; all the same where there is none. Throws KmsError. */
  delete(id: string, signal: AbortSignal): Promise<void>;
}

/** Greatest size of a wrapped key: an envelope with each part at its bound. */
export const MAX_WRAPPED_BYTES = 16 * 1024;

const MAX_ID_CHARS = 400;
const PART = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/**
 * Checks an ID: parts of letters, digits and single `.`, `_`, `-` between them, with a slash between parts. Such an ID
 * stands for itself in every store's paths and lists.
 * @throws KmsError `request_invalid`
 */
export function requireStoreId(id: string): void {
  if (id.length <= MAX_ID_CHARS && id.split("/").every((part) => PART.test(part))) return;
  const wanted = `names with slashes between them, at most ${MAX_ID_CHARS} characters`;
  throw new KmsError("request_invalid", `Use wrapped key store failed: got ID ${quoted(id)}, wanted ${wanted}`);
}

/** Checks the size of what is to be kept. @throws KmsError `request_invalid` */
export function requireStoreBytes({ length }: Uint8Array): void {
  if (length >= 1 && length <= MAX_WRAPPED_BYTES) return;
  const wanted = `"1" to "${MAX_WRAPPED_BYTES}"`;
  throw new KmsError("request_invalid", `Use wrapped key store failed: got "${length}" bytes, wanted ${wanted}`);
}

/** The IDs among a store's own names: those under its prefix that are IDs, sorted. Others are somebody else's. */
export function idsAmong(names: readonly string[], storePrefix: string, prefix: string): string[] {
  return names
    .filter((name) => name.startsWith(storePrefix + prefix))
    .map((name) => name.slice(storePrefix.length))
    .filter((id) => id.length <= MAX_ID_CHARS && id.split("/").every((part) => PART.test(part)))
    .sort();
}

/** A store that goes on giving pages of a list. */
export function endlessList(name: string, pages: number): KmsError {
  return new KmsError("store_answer", `${name} failed: got more than "${pages}" pages, wanted an end`);
}
