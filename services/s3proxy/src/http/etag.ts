import { PART_SALT_BYTES, type PartIdentity } from "../format/part.ts";

// An ETag of the store is a digest of ciphertext. Clients that take 32 hexadecimal digits for the MD5 of what they sent
// would call the object damaged, so such ETags get an ending by which they are none.
const NO_PART_COUNT = "-0";
const MD5_LIKE = /^[0-9a-f]{32}$/;
const TOKEN_BYTES = 8 + 2 + PART_SALT_BYTES;
const TOKEN = /^(.+)-([A-Za-z0-9_-]{35})$/;

/** What the proxy needs to know of a part at completion; clients carry it in the part's ETag. */
export interface PartToken {
  readonly storeEtag: string;
  readonly plainBytes: number;
  readonly identity: PartIdentity;
}

/** The ETag that clients see, with or without quotes as it comes. */
export function toClientEtag(etag: string): string {
  return withinQuotes(etag, (value) => (MD5_LIKE.test(value) ? `${value}${NO_PART_COUNT}` : value));
}

/** The store's ETag to one that a client gives; `*` and what is no ETag of ours stay. */
export function toStoreEtag(etag: string): string {
  return withinQuotes(etag, (value) =>
    MD5_LIKE.test(value.slice(0, -NO_PART_COUNT.length)) && value.endsWith(NO_PART_COUNT)
      ? value.slice(0, -NO_PART_COUNT.length)
      : value,
  );
}

/** The ETag of a part: the store's, and which upload of the part it is. */
export function partEtag({ storeEtag, plainBytes, identity }: PartToken): string {
  const token = Buffer.alloc(TOKEN_BYTES);
  token.writeBigUInt64BE(BigInt(plainBytes));
  token.writeUInt16BE(identity.kekGeneration, 8);
  token.set(identity.salt, 10);
  return withinQuotes(storeEtag, (value) => `${value}-${token.toString("base64url")}`);
}

/** Reads a part's ETag; undefined if it is not one that `partEtag` made. */
export function parsePartEtag(etag: string): PartToken | undefined {
  const [, value = "", text = ""] = TOKEN.exec(etag.replace(/^"(.*)"$/, "$1")) ?? [];
  const token = Buffer.from(text, "base64url");
  if (token.length !== TOKEN_BYTES || token.toString("base64url") !== text) return undefined;
  const plainBytes = Number(token.readBigUInt64BE());
  if (!Number.isSafeInteger(plainBytes)) return undefined;
  const identity = { kekGeneration: token.readUInt16BE(8), salt: token.subarray(10) };
  return { storeEtag: `"${value}"`, plainBytes, identity };
}

function withinQuotes(etag: string, change: (value: string) => string): string {
  return etag.replace(
    /^((?:W\/)?"?)(.*?)("?)$/,
    (_, open: string, value: string, close: string) => `${open}${change(value)}${close}`,
  );
}
