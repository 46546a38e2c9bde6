import { bytes, type Field, findingsText, isObject, readJson, shown } from "@constellation/fields";
import type { Bank } from "@constellation/eventlog";
import { EvidenceError } from "../error.ts";
import { indexed } from "../policy/indexed.ts";

const BANKS: Readonly<Record<Bank, number>> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };
const NAMES = Object.keys(BANKS) as Bank[];

/** Register values by bank. A bank may be left out; what is no bank is left aside. */
const REGISTERS: Field<ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>>> = {
  read(reader, path, value) {
    const members = isObject(value) ? value : {};
    if (!isObject(value)) reader.add(path, shown(value), "an object");
    const there = NAMES.filter((bank) => members[bank] !== undefined);
    return new Map(there.map((bank) => [bank, indexed(31, bytes(BANKS[bank])).read(reader, bank, members[bank])]));
  },
  write: (value) =>
    Object.fromEntries(Array.from(value, ([bank, values]) => [bank, indexed(31, bytes(BANKS[bank])).write(values)])),
};

/** Reads a file of register values. @throws EvidenceError `file_malformed` */
export function parseRegisters(json: Uint8Array): ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>> {
  const { value, findings } = readJson(REGISTERS, json);
  if (findings === undefined) return value;
  throw new EvidenceError("file_malformed", `Read registers failed: ${findingsText("file", findings)}`, { findings });
}
