import { concat, equalConstantTime, utf8 } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { list, object, readJson, text, TIME } from "@constellation/fields";

/** An answer of a vendor, as it came. */
export interface Answer {
  readonly body: Uint8Array;
  /** The headers that matter, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer that is kept. */
export interface Entry extends Answer {
  readonly url: string;
  /** When the vendor last said that this is what it has. */
  readonly fetchedAt: Date;
}

const DIGEST_BYTES = 32;
const LENGTH_BYTES = 4;
const MAX_ABOUT_BYTES = 64 * 1024;

const ABOUT = object({
  url: text(/^[!-~]{1,2048}$/, "an address"),
  fetchedAt: TIME,
  headers: list(object({ name: text(/^[a-z0-9-]{1,64}$/, "a name"), value: text(/^[^\0\r\n]*$/, "a line") })),
});

/** The bytes of an entry: SHA-256 of the rest, the size of what is said about it, that in JSON, the body. */
export function encodeEntry({ url, fetchedAt, headers, body }: Entry): Uint8Array {
  const named = Object.entries(headers).map(([name, value]) => ({ name, value }));
  const about = utf8(JSON.stringify(ABOUT.write({ url, fetchedAt, headers: named })));
  const size = new Uint8Array(LENGTH_BYTES);
  new DataView(size.buffer).setUint32(0, about.length);
  return concat(digest("sha256", size, about, body), size, about, body);
}

/** The entry for an address; undefined for bytes that are not, or no longer, what `encodeEntry` made for it. */
export function decodeEntry(bytes: Uint8Array, url: string): Entry | undefined {
  const rest = bytes.subarray(DIGEST_BYTES);
  if (rest.length < LENGTH_BYTES) return undefined;
  if (!equalConstantTime(digest("sha256", rest), bytes.subarray(0, DIGEST_BYTES))) return undefined;
  const aboutBytes = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
  if (aboutBytes > MAX_ABOUT_BYTES || aboutBytes > rest.length - LENGTH_BYTES) return undefined;
  const { value: about } = readJson(ABOUT, rest.subarray(LENGTH_BYTES, LENGTH_BYTES + aboutBytes));
  if (about?.url !== url) return undefined;
  return {
    url,
    fetchedAt: about.fetchedAt,
    headers: Object.fromEntries(about.headers.map(({ name, value }) => [name, value])),
    body: rest.subarray(LENGTH_BYTES + aboutBytes),
  };
}
