import { createHash } from "node:crypto";
import { concat } from "@constellation/bytes";
import type { FakeTpm } from "@constellation/fake-authorities";
import { computeName, type TpmTransport } from "@constellation/tpm2";

const COMMAND = {
  createPrimary: 0x131,
  quote: 0x158,
  flushContext: 0x165,
  readPublic: 0x173,
  pcrRead: 0x17e,
  pcrExtend: 0x182,
};
const BANKS = { 0x000b: "sha256", 0x000c: "sha384" } as const;
const REGISTERS = 16;
/** TPM2_PCR_Read gives that many values at most. */
const MOST_VALUES = 8;
const HEADER_BYTES = 10;
/** A handle, and an authorisation area with an empty password. */
const AUTHORIZED_BYTES = HEADER_BYTES + 4 + 4 + 9;

type Bank = (typeof BANKS)[keyof typeof BANKS];

/** A TPM that answers the few commands of a node, with a key that the test holds. */
export class CommandTpm implements TpmTransport {
  readonly banks: Readonly<Record<Bank, Map<number, Uint8Array>>> = { sha256: new Map(), sha384: new Map() };
  readonly #tpm: FakeTpm;

  /** PCRs of the boot; those left out are zero. */
  constructor(tpm: FakeTpm, booted: Readonly<Record<Bank, ReadonlyMap<number, Uint8Array>>>) {
    this.#tpm = tpm;
    for (const bank of ["sha256", "sha384"] as const) {
      const sizeBytes = bank === "sha256" ? 32 : 48;
      for (let index = 0; index < REGISTERS; index++) {
        this.banks[bank].set(index, booted[bank].get(index) ?? new Uint8Array(sizeBytes));
      }
    }
  }

  async transmit(command: Uint8Array): Promise<Uint8Array> {
    const view = new DataView(command.buffer, command.byteOffset, command.length);
    const code = view.getUint32(6);
    switch (code) {
      case COMMAND.pcrRead:
        return this.#pcrRead(command);
      case COMMAND.pcrExtend:
        return this.#pcrExtend(command, view);
      case COMMAND.quote:
        return this.#quote(command, view);
      case COMMAND.readPublic:
        return answer(concat(sized(this.#tpm.akPublicBytes), this.#name(), sized(new Uint8Array())));
      case COMMAND.createPrimary:
        return this.#createPrimary();
      case COMMAND.flushContext:
        return answer(new Uint8Array());
      default:
        throw new Error(`got command 0x${code.toString(16)}, wanted one that a node needs`);
    }
  }

  /** The parameters are one selection: count, hash, size, and three bytes of bits. */
  #pcrRead(command: Uint8Array): Uint8Array {
    const bits = command.subarray(HEADER_BYTES + 7, HEADER_BYTES + 10);
    const wanted = Array.from({ length: REGISTERS }, (_, index) => index)
      .filter((index) => ((bits[index >> 3] as number) >> (index & 7)) & 1)
      .slice(0, MOST_VALUES);
    const selected = new Uint8Array(3);
    for (const index of wanted) (selected[index >> 3] as number) |= 1 << (index & 7);
    const values = wanted.map((index) => sized(this.banks.sha256.get(index) as Uint8Array));
    return answer(concat(u32(1), u32(1), u16(0x000b), Uint8Array.of(3), selected, u32(values.length), ...values));
  }

  #pcrExtend(command: Uint8Array, view: DataView): Uint8Array {
    const index = view.getUint32(HEADER_BYTES);
    const bank = BANKS[view.getUint16(AUTHORIZED_BYTES + 4) as keyof typeof BANKS];
    const digest = command.subarray(AUTHORIZED_BYTES + 6);
    const before = this.banks[bank].get(index) as Uint8Array;
    this.banks[bank].set(index, new Uint8Array(createHash(bank).update(concat(before, digest)).digest()));
    return sessionAnswer(new Uint8Array());
  }

  #quote(command: Uint8Array, view: DataView): Uint8Array {
    const size = view.getUint16(AUTHORIZED_BYTES);
    const qualifyingData = command.slice(AUTHORIZED_BYTES + 2, AUTHORIZED_BYTES + 2 + size);
    const { quote, signature } = this.#tpm.quote({ qualifyingData, pcrs: this.banks.sha256 });
    return sessionAnswer(concat(sized(quote), signature));
  }

  #createPrimary(): Uint8Array {
    const ticket = concat(u16(0x8021), u32(0x4000_0007), sized(new Uint8Array()));
    const empty = sized(new Uint8Array());
    return sessionAnswer(concat(sized(this.#tpm.akPublicBytes), empty, empty, ticket, this.#name()), u32(0x8000_0000));
  }

  #name(): Uint8Array {
    return sized(computeName(this.#tpm.akPublic));
  }
}

function answer(body: Uint8Array, tag = 0x8001): Uint8Array {
  return concat(u16(tag), u32(HEADER_BYTES + body.length), u32(0), body);
}

function sessionAnswer(parameters: Uint8Array, handle: Uint8Array = new Uint8Array()): Uint8Array {
  return answer(concat(handle, u32(parameters.length), parameters, Uint8Array.of(0, 0, 1, 0, 0)), 0x8002);
}

function sized(bytes: Uint8Array): Uint8Array {
  return concat(u16(bytes.length), bytes);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
