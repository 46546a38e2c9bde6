import { TPM_ST, type TpmTransport } from "@constellation/tpm2";

const NV = {
  UNDEFINE: 0x122,
  DEFINE: 0x12a,
  WRITE: 0x137,
  READ: 0x14e,
  READ_PUBLIC: 0x169,
  AWS_NSM_REQUEST: 0x20000001,
} as const;
const WRITTEN = 0x2000_0000;
const TPM_RC_HANDLE_1 = 0x18b;
const HEADER_BYTES = 10;
/** Authorising handle and index, and an authorisation area with a password. */
const AUTHORIZED_BYTES = HEADER_BYTES + 4 + 4 + 4 + 9;

/** One NV index. */
export interface FakeIndex {
  attributes: number;
  data: Uint8Array;
}

/**
 * NV memory before a real software TPM: the clouds' virtual TPMs have larger indices than it has, and NitroTPM's vendor
 * command. All other commands go through.
 */
export class FakeNv implements TpmTransport {
  readonly indices = new Map<number, FakeIndex>();
  readonly commands: number[] = [];
  /** The secure module: request in, response out, in place. Without it the vendor command is not known. */
  nsm: ((request: Uint8Array) => Uint8Array) | undefined;
  /** Answers instead of a command's own. */
  readonly answers = new Map<number, Uint8Array | Error>();
  /** Happens before a command. */
  before: ((code: number) => Promise<void>) | undefined;
  readonly #inner: TpmTransport;

  constructor(inner: TpmTransport) {
    this.#inner = inner;
  }

  /** Puts data into an index that all can read. */
  store(nvIndex: number, data: Uint8Array): this {
    this.indices.set(nvIndex, { attributes: 0x0006_0000 | WRITTEN, data });
    return this;
  }

  async transmit(command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const view = new DataView(command.buffer, command.byteOffset, command.length);
    const code = view.getUint32(6);
    this.commands.push(code);
    await this.before?.(code);
    const canned = this.answers.get(code);
    if (canned instanceof Error) throw canned;
    if (canned !== undefined) return canned;
    switch (code) {
      case NV.READ_PUBLIC:
        return this.#at(view.getUint32(HEADER_BYTES), (index, nvIndex) => readPublicAnswer(nvIndex, index));
      case NV.UNDEFINE:
        return this.#at(view.getUint32(HEADER_BYTES + 4), (_, nvIndex) => {
          this.indices.delete(nvIndex);
          return sessionAnswer(new Uint8Array());
        });
      case NV.DEFINE:
        return this.#define(command, view);
      case NV.WRITE:
        return this.#at(view.getUint32(HEADER_BYTES + 4), (index) => write(index, command, view));
      case NV.READ:
        return this.#at(view.getUint32(HEADER_BYTES + 4), (index) => read(index, view));
      case NV.AWS_NSM_REQUEST:
        return this.#at(view.getUint32(HEADER_BYTES), (index) => this.#request(index));
      default:
        return await this.#inner.transmit(command, signal);
    }
  }

  #at(nvIndex: number, run: (index: FakeIndex, nvIndex: number) => Uint8Array): Uint8Array {
    const index = this.indices.get(nvIndex);
    return index === undefined ? errorAnswer(TPM_RC_HANDLE_1) : run(index, nvIndex);
  }

  /** The TPM2B_NV_PUBLIC stands behind the definer's handle, its authorisation, and an empty TPM2B_AUTH. */
  #define(command: Uint8Array, view: DataView): Uint8Array {
    const start = HEADER_BYTES + 4 + 4 + 9 + 2 + 2;
    const sizeBytes = view.getUint16(command.length - 2);
    const data = new Uint8Array(sizeBytes).fill(0xff);
    this.indices.set(view.getUint32(start), { attributes: view.getUint32(start + 6), data });
    return sessionAnswer(new Uint8Array());
  }

  #request(index: FakeIndex): Uint8Array {
    if (this.nsm === undefined) return errorAnswer(0x143);
    const response = this.nsm(index.data);
    index.data.set(response);
    return sessionAnswer(new Uint8Array());
  }
}

function write(index: FakeIndex, command: Uint8Array, view: DataView): Uint8Array {
  const size = view.getUint16(AUTHORIZED_BYTES);
  const data = command.subarray(AUTHORIZED_BYTES + 2, AUTHORIZED_BYTES + 2 + size);
  index.data.set(data, view.getUint16(AUTHORIZED_BYTES + 2 + size));
  index.attributes |= WRITTEN;
  return sessionAnswer(new Uint8Array());
}

function read(index: FakeIndex, view: DataView): Uint8Array {
  const size = view.getUint16(AUTHORIZED_BYTES);
  const offset = view.getUint16(AUTHORIZED_BYTES + 2);
  return sessionAnswer(Buffer.concat([u16(size), index.data.subarray(offset, offset + size)]));
}

function readPublicAnswer(nvIndex: number, { attributes, data }: FakeIndex): Uint8Array {
  const area = Buffer.concat([u32(nvIndex), u16(0x000b), u32(attributes), u16(0), u16(data.length)]);
  return answer(TPM_ST.NO_SESSIONS, 0, Buffer.concat([u16(area.length), area, u16(0)]));
}

function sessionAnswer(parameters: Uint8Array): Uint8Array {
  const authorization = Buffer.from([0, 0, 1, 0, 0]);
  return answer(TPM_ST.SESSIONS, 0, Buffer.concat([u32(parameters.length), parameters, authorization]));
}

/** The answer with a TPM_RC. */
export function errorAnswer(code: number): Uint8Array {
  return answer(TPM_ST.NO_SESSIONS, code, new Uint8Array());
}

function answer(tag: number, code: number, body: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([u16(tag), u32(HEADER_BYTES + body.length), u32(code), body]));
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
