import type { Bank } from "@constellation/eventlog";
import { bytes, type Field, isObject } from "@constellation/fields";
import { indexed } from "../policy/indexed.ts";
import { anyCase } from "./any-case.ts";
import { BANK_NAMES } from "./registers.ts";

type Registers = ReadonlyMap<number, Uint8Array>;

/** Register values that a case asks for: of the only bank there is, or of the banks that it names. */
export interface WantedRegisters {
  readonly plain: Registers;
  readonly banks: ReadonlyMap<Bank, Registers>;
}

const VALUES = indexed(31, anyCase(bytes(1, 64)));
const NONE: Registers = new Map();

/** {@link WantedRegisters}, by register, or by bank and register as in files of register values. */
export const WANTED_REGISTERS: Field<WantedRegisters> = {
  read(reader, path, value) {
    const members = isObject(value) ? value : {};
    const named = BANK_NAMES.filter((bank) => members[bank] !== undefined);
    if (named.length === 0) return { plain: VALUES.read(reader, path, value), banks: new Map() };
    const banks = reader.object(path, value, BANK_NAMES);
    return {
      plain: NONE,
      banks: new Map(named.map((bank) => [bank, VALUES.read(reader, `${path}.${bank}`, banks[bank])])),
    };
  },
  write: () => null,
};

/** What is asked of a bank. A plain value is of the bank of its length, and of SHA-256 where no bank has such. */
export function wantedOf({ plain, banks }: WantedRegisters, bank: "sha256" | "sha384" | "sha512"): Registers {
  const others = Array.from(plain).filter(([, { length }]) => (BANK_OF_LENGTH.get(length) ?? "sha256") === bank);
  return banks.get(bank) ?? new Map(others);
}

const BANK_OF_LENGTH: ReadonlyMap<number, Bank> = new Map([
  [48, "sha384"],
  [64, "sha512"],
]);
