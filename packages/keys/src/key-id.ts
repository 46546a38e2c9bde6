import { KeysError } from "./errors.ts";

/** The namespaces of data keys: one for each kind of thing that is encrypted. */
export const KEY_NAMESPACES = ["state-disk", "volume", "object-kek", "etcd-secrets"] as const;
export type KeyNamespace = (typeof KEY_NAMESPACES)[number];

/** A data key's name, `<namespace>/<id>` in text. */
export interface KeyId {
  readonly namespace: KeyNamespace;
  readonly id: string;
}

/** The one key of the namespace `etcd-secrets`: the etcd secrets key. */
export const ETCD_SECRETS_KEY_ID = "kubernetes";

/** Bounds of a data key's length. */
export const DATA_KEY_MIN_BYTES = 16;
export const DATA_KEY_MAX_BYTES = 128;

const MAX_ID_CHARS = 128;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// No slash, no leading, trailing or double dot or dash: an ID can't be mistaken for a path, a namespace or an option.
const NAME = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

const ANY_NAME = {
  wanted: `a name of 1 to ${MAX_ID_CHARS} characters`,
  accepts: (id: string): boolean => id.length <= MAX_ID_CHARS && NAME.test(id),
};
const GRAMMARS: Record<KeyNamespace, typeof ANY_NAME> = {
  "state-disk": { wanted: "a lower-case UUID", accepts: isUuid },
  "etcd-secrets": { wanted: `"${ETCD_SECRETS_KEY_ID}"`, accepts: (id) => id === ETCD_SECRETS_KEY_ID },
  volume: ANY_NAME,
  "object-kek": ANY_NAME,
};
const FIXED_LENGTH: ReadonlySet<KeyNamespace> = new Set(["state-disk", "etcd-secrets"]);

/** Whether `text` is a UUID in lower-case text form. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Parses `<namespace>/<id>`: exactly one slash, a known namespace, an ID of at most 128 characters in that namespace's
 * grammar (`state-disk`: a lower-case UUID; `etcd-secrets`: `kubernetes`; others: letters and digits with single `.`,
 * `_`, `-` between them).
 * @throws KeysError `key_id`
 */
export function parseKeyId(text: string): KeyId {
  const slash = text.indexOf("/");
  const namespace = text.slice(0, Math.max(slash, 0));
  if (!isNamespace(namespace)) {
    throw new KeysError(
      "key_id",
      `Parse key ID failed: got namespace ${quote(namespace)}, wanted one of ${KEY_NAMESPACES.map(quote).join(", ")}`,
    );
  }
  const id = text.slice(slash + 1);
  validateId(namespace, id);
  return { namespace, id };
}

/** The text form of a key ID. */
export function formatKeyId(keyId: KeyId): string {
  return `${keyId.namespace}/${keyId.id}`;
}

/**
 * Checks an ID against the grammar of its namespace.
 * @throws KeysError `key_id`
 */
export function validateId(namespace: KeyNamespace, id: string): void {
  const { wanted, accepts } = GRAMMARS[namespace];
  if (accepts(id)) return;
  throw new KeysError("key_id", `Parse key ID failed: got ${namespace} ID ${quote(id)}, wanted ${wanted}`);
}

/**
 * Checks a data key's length against the bounds of its namespace.
 * @throws KeysError `key_length`
 */
export function validateKeyLength(namespace: KeyNamespace, lengthBytes: number): void {
  const [min, max] = FIXED_LENGTH.has(namespace) ? [32, 32] : [DATA_KEY_MIN_BYTES, DATA_KEY_MAX_BYTES];
  if (Number.isInteger(lengthBytes) && lengthBytes >= min && lengthBytes <= max) return;
  throw new KeysError(
    "key_length",
    `Derive data key failed: got length "${lengthBytes}" for namespace "${namespace}", wanted "${min}" to "${max}"`,
  );
}

function isNamespace(text: string): text is KeyNamespace {
  return (KEY_NAMESPACES as readonly string[]).includes(text);
}

// Bounded and escaped: key IDs come from callers and end in logs.
function quote(text: string): string {
  return JSON.stringify(text.length > MAX_ID_CHARS ? `${text.slice(0, MAX_ID_CHARS)}...` : text);
}
