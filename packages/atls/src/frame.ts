import { concat } from "@constellation/bytes";
import { AtlsError } from "./errors.ts";

/** Message types on the wire: one byte before each length. */
export const MessageType = { hello: 1, evidence: 2, accepted: 3, refused: 4 } as const;

/** One of the values of {@link MessageType}. */
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

/** Bytes before each body: type (1) and big-endian length (4). */
const FRAME_HEADER_BYTES = 5;

/** Greatest evidence, in bytes. */
export const MAX_EVIDENCE_BYTES = 1024 * 1024;

const MAX_BODY_BYTES: Record<MessageType, number> = {
  [MessageType.hello]: 512,
  [MessageType.evidence]: MAX_EVIDENCE_BYTES,
  [MessageType.accepted]: 0,
  [MessageType.refused]: 512,
};

/** One message: its type and its undecoded body. */
export interface Frame {
  readonly type: MessageType;
  readonly body: Uint8Array;
}

/** Serialises one message. @throws AtlsError "oversized" */
export function serializeFrame({ type, body }: Frame): Uint8Array {
  checkLength(type, body.length);
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  header[0] = type;
  new DataView(header.buffer).setUint32(1, body.length);
  return concat(header, body);
}

/**
 * Cuts a byte stream into messages. Type and length are checked as soon as they are there, so that no more is ever kept
 * than the longest message of that type and what came along with its end.
 */
export class FrameReader {
  #buffer = new Uint8Array(256);
  #sizeBytes = 0;

  /** Appends a copy of received bytes. */
  push(bytes: Uint8Array): void {
    this.#reserve(this.#sizeBytes + bytes.length);
    this.#buffer.set(bytes, this.#sizeBytes);
    this.#sizeBytes += bytes.length;
  }

  /** How many bytes wait in the reader. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The first byte that waits, which is a message type if a message follows. */
  get firstByte(): number | undefined {
    return this.#sizeBytes === 0 ? undefined : this.#buffer[0];
  }

  /** Takes the next whole message, or undefined when more bytes are needed. @throws AtlsError "unknown-message", "oversized" */
  next(): Frame | undefined {
    if (this.#sizeBytes === 0) return undefined;
    const type = parseType(this.#buffer[0]);
    if (this.#sizeBytes < FRAME_HEADER_BYTES) return undefined;
    const length = new DataView(this.#buffer.buffer).getUint32(1);
    checkLength(type, length);
    const end = FRAME_HEADER_BYTES + length;
    if (this.#sizeBytes < end) return undefined;
    const body = this.#buffer.slice(FRAME_HEADER_BYTES, end);
    this.#buffer.copyWithin(0, end, this.#sizeBytes);
    this.#sizeBytes -= end;
    return { type, body };
  }

  /** Takes all bytes that are left, as they came. */
  rest(): Uint8Array {
    const all = this.#buffer.slice(0, this.#sizeBytes);
    this.#buffer = new Uint8Array(0);
    this.#sizeBytes = 0;
    return all;
  }

  /** Grows by doubling: memory follows what was received, never what a length field promises. */
  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(sizeBytes, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#sizeBytes));
    this.#buffer = grown;
  }
}

function parseType(value: number | undefined): MessageType {
  switch (value) {
    case MessageType.hello:
    case MessageType.evidence:
    case MessageType.accepted:
    case MessageType.refused:
      return value;
    default:
      throw new AtlsError("unknown-message", `Read attested TLS message failed: got type "${value}", wanted 1 to 4`);
  }
}

function checkLength(type: MessageType, length: number): void {
  const most = MAX_BODY_BYTES[type];
  if (length <= most) return;
  throw new AtlsError(
    "oversized",
    `Read attested TLS message failed: got ${length} bytes for type "${type}", wanted at most ${most}`,
  );
}
