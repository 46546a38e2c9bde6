import { createHash } from "node:crypto";
import { equalText, type Authentication } from "../auth/authenticate.ts";
import { chunkSignature, trailerSignature } from "../auth/sigv4.ts";
import { S3Error, s3Errors } from "../http/s3-error.ts";

/** Trailers of a body, names in lower case. */
export type Trailers = ReadonlyMap<string, string>;

const MAX_LINE_BYTES = 1_024;
const MAX_TRAILERS = 8;
const CRLF = "\r\n";

/**
 * Decodes a body in S3's `aws-chunked` encoding, signed or not. Data comes out before the signature over its chunk was
 * checked: it must not count before the generator has ended.
 * @param onTrailers hears of the trailers when they were checked
 * @throws S3Error, in the iteration
 */
export async function* decodeAwsChunked(
  source: AsyncIterable<Uint8Array>,
  options: { readonly authentication: Authentication; readonly signed: boolean; readonly trailer: boolean },
  onTrailers: (trailers: Trailers) => void,
): AsyncGenerator<Uint8Array> {
  const lines = new LineReader(source);
  const signatures = options.signed ? new SignatureChain(options.authentication) : undefined;
  for (;;) {
    const { sizeBytes, signature } = parseChunkHead(await lines.line());
    const hash = createHash("sha256");
    for (let left = sizeBytes; left > 0; ) {
      const piece = await lines.some(left);
      left -= piece.length;
      if (signatures !== undefined) hash.update(piece);
      yield piece;
    }
    signatures?.verifyChunk(hash.digest("hex"), signature);
    if (sizeBytes === 0) break;
    if ((await lines.line()) !== "") throw malformed("a chunk does not end where it says");
  }
  onTrailers(await readTrailers(lines, options.trailer, signatures));
  await lines.requireEnd();
}

async function readTrailers(
  lines: LineReader,
  expected: boolean,
  signatures: SignatureChain | undefined,
): Promise<Trailers> {
  const trailers = new Map<string, string>();
  let given: string | undefined;
  let signedText = "";
  for (let line = await lines.lineOrEnd(); line !== undefined && line !== ""; line = await lines.lineOrEnd()) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "x-amz-trailer-signature") given = value;
    else if (!expected || name === "" || given !== undefined || trailers.has(name) || trailers.size >= MAX_TRAILERS) {
      throw malformed("a trailer is not as it was announced");
    } else {
      trailers.set(name, value);
      signedText += `${name}:${value}\n`;
    }
  }
  if (expected) signatures?.verifyTrailers(signedText, given);
  return trailers;
}

/** Each signature covers the one before it, from that of the request on. */
class SignatureChain {
  readonly #authentication: Authentication;
  #previous: string;

  constructor(authentication: Authentication) {
    this.#authentication = authentication;
    this.#previous = authentication.signature;
  }

  verifyChunk(sha256: string, given: string | undefined): void {
    const { key, timestamp, scope } = this.#authentication;
    this.#verify(chunkSignature(key, timestamp, scope, this.#previous, sha256), given);
  }

  verifyTrailers(text: string, given: string | undefined): void {
    const { key, timestamp, scope } = this.#authentication;
    this.#verify(trailerSignature(key, timestamp, scope, this.#previous, text), given);
  }

  #verify(wanted: string, given: string | undefined): void {
    if (given === undefined || !equalText(wanted, given)) throw s3Errors.signature();
    this.#previous = wanted;
  }
}

function parseChunkHead(line: string): { readonly sizeBytes: number; readonly signature: string | undefined } {
  const match = /^([0-9a-fA-F]{1,13})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
  if (match === null) throw malformed("a chunk has no valid size");
  return { sizeBytes: Number.parseInt(match[1]!, 16), signature: match[2] };
}

/** Lines that end in CRLF, and bytes between them. */
class LineReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const line = await this.lineOrEnd();
    if (line === undefined) throw s3Errors.incompleteBody("The body ended before its last chunk");
    return line;
  }

  /** The next line without its end; undefined at the end of the body. */
  async lineOrEnd(): Promise<string | undefined> {
    let end = this.#rest.indexOf(CRLF);
    while (end < 0) {
      if (this.#rest.length > MAX_LINE_BYTES) throw malformed("a line is too long");
      const piece = await this.#next();
      if (piece === undefined) {
        if (this.#rest.length === 0) return undefined;
        throw s3Errors.incompleteBody("The body ended in a line");
      }
      this.#rest = Buffer.concat([this.#rest, piece]);
      end = this.#rest.indexOf(CRLF);
    }
    if (end > MAX_LINE_BYTES) throw malformed("a line is too long");
    const line = this.#rest.toString("latin1", 0, end);
    this.#rest = this.#rest.subarray(end + CRLF.length);
    return line;
  }

  /** One to `max` bytes. */
  async some(max: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const piece = await this.#next();
      if (piece === undefined) throw s3Errors.incompleteBody("The body ended in a chunk");
      this.#rest = piece;
    }
    const taken = this.#rest.subarray(0, max);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  async requireEnd(): Promise<void> {
    const more = this.#rest.length > 0 ? this.#rest : await this.#next();
    if (more !== undefined && more.length > 0) throw malformed("something follows the last chunk");
  }

  async #next(): Promise<Buffer | undefined> {
    const { done, value } = await this.#source.next();
    return done === true ? undefined : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }
}

function malformed(why: string): S3Error {
  return s3Errors.invalidRequest(`The aws-chunked body is malformed: ${why}`);
}
