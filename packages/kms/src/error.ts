/** Why a key could not be wrapped, unwrapped or kept, and what a user can do about each. */
const HINTS = {
  /** A URI that names no KMS or store. */
  uri_invalid: "see docs/kms.md for the URIs and their fields",
  /** A file with credentials, or the metadata service that gives them. */
  credentials_unreadable: "check the path and the form of the file, or the identity that the machine was given",
  /** A plaintext, name or length that can't be. */
  request_invalid: "report it: a program asked for what no KMS is asked for",
  /** The caller ended it. */
  cancelled: "ask again when it is wanted",

  /** No connection or no name. */
  kms_unreachable: "check the address of the KMS, the network and its firewall, and that the KMS runs",
  /** A TLS certificate that is not of a trusted CA or for another name. */
  kms_untrusted: "check the address, and give the CA of the KMS; something between may answer in its place",
  /** No answer within the bounds. */
  kms_timeout: "check the network and the load of the KMS, then ask again",
  /** The KMS asks to slow down, and did so to the end. */
  kms_busy: "ask again later, or have the KMS's quota raised",
  /** The KMS failed to the end, or is sealed. */
  kms_failed: "look at the state of the KMS; a sealed one must be unsealed",
  /** Credentials that the KMS does not know, or that may not do this. */
  kms_denied: "check the credentials, and that their identity may encrypt and decrypt with this key and nothing more",
  /** The KMS has no such key, or does not show it to these credentials. */
  kms_key_missing: "check key name, region and project; a key that was destroyed is lost with all that it wrapped",
  /** The key is there but off: disabled, pending deletion, revoked. */
  kms_key_disabled: "enable the key in the KMS again, or cancel its deletion",
  /** The key is there but is of a kind that does not fit. */
  kms_key_unfit: "make a key of the kind that docs/kms.md names for this KMS",
  /** An answer that is not what was asked for. */
  kms_answer: "check the address: what answers is not this KMS, or something between changes its answers",

  store_unreachable: "check the address of the store, the network and its firewall",
  store_untrusted: "check the address; something between may answer in the store's place",
  store_timeout: "check the network and the load of the store, then ask again",
  store_busy: "ask again later, or have the store's quota raised",
  store_failed: "look at the state of the store, then ask again",
  store_denied: "check the credentials, and that their identity may read, write and list under this prefix",
  /** The bucket or container, not a key in it. */
  store_missing: "make the bucket or container first, and check its name and region",
  store_answer: "check the address: what answers is not this store, or something between changes its answers",

  /** The envelope is not whole, or some bit of it is another than when it was made. */
  wrapped_key_corrupt:
    "bring the wrapped key back from a version or copy of the store; nothing else can open what it encrypts",
  /** An envelope of a version that this program does not know. */
  wrapped_key_version: "use the version of the program that made it, or a later one",
  /** An envelope of another cluster. */
  wrong_cluster:
    "check that store and prefix are this cluster's; somebody may have moved wrapped keys between clusters",
  /** An envelope of another key of the same cluster. */
  wrong_key_id: "look at who writes to the store: wrapped keys were swapped",
  /** An envelope that another kind of KMS, or another key, wrapped. */
  wrong_kms: "name the KMS and key that wrapped it; a change of KMS needs the keys wrapped anew",
  /** A root key that opens, and is not the one of this cluster. */
  root_key_differs:
    "another cluster's root key, or one that somebody made, was put in its place; look at who writes to the store",
  /** A data key that is there, with another length. */
  key_length: "ask for the length with which the key was made",
} as const;

/** Why a key could not be wrapped, unwrapped or kept. */
export type KmsErrorCode = keyof typeof HINTS;

/** The one error of this package. Messages never hold secrets, nor what a KMS or store said beyond a short line. */
export class KmsError extends Error {
  override readonly name = "KmsError";
  readonly code: KmsErrorCode;
  /** What to do about it; of the code, where nothing nearer is known. */
  readonly hint: string;
  /** How long the service wants to be left alone, where it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: KmsErrorCode,
    message: string,
    details: ErrorOptions & { retryAfterMs?: number | undefined; hint?: string } = {},
  ) {
    super(message, details);
    this.code = code;
    this.hint = details.hint ?? HINTS[code];
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** What to do about an error of which only the code is known; undefined for a code that is not of this package. */
export function hintOf(code: string): string | undefined {
  return Object.hasOwn(HINTS, code) ? HINTS[code as KmsErrorCode] : undefined;
}

/** Which of the two kinds of service is talked to; codes begin with it. */
export type Side = "kms" | "store";

const TRANSIENT: ReadonlySet<KmsErrorCode> = new Set([
  "kms_unreachable",
  "kms_timeout",
  "kms_busy",
  "kms_failed",
  "store_unreachable",
  "store_timeout",
  "store_busy",
  "store_failed",
]);

/** Whether asking again may help. */
export function isTransient(error: unknown): error is KmsError {
  return error instanceof KmsError && TRANSIENT.has(error.code);
}

/** A foreign text for a message: quoted, cut, without control characters. */
export function quoted(value: unknown, maxChars = 160): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return JSON.stringify(text.length > maxChars ? `${text.slice(0, maxChars)}...` : text);
}
