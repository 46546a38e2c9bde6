import { bytes, type Field, findingsText, isObject, readJson, shown } from "@constellation/fields";
import type { Bank } from "@constellation/eventlog";
import { EvidenceError } from "../error.ts";
import { indexed } from "../policy/indexed.ts";
import { anyCase } from "./any-case.ts";

/** The banks that a file of values or a policy may name. */
export const BANK_NAMES: readonly Bank[] = ["sha1", "sha256", "sha384", "sha512"];
/** Values of any length are read: one that is not of its bank is evidence that is wrong, and refused. */
const VALUES = indexed(31, anyCase(bytes(0, 64)));

/** Register values by bank. A bank may be left out; what is no bank is left aside: see {@link unknownBanksOf}. */
const REGISTERS: Field<ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>>> = {
  read(reader, path, value) {
    const members = isObject(value) ? value : {};
    if (!isObject(value)) reader.add(path, shown(value), "an object");
    const there = BANK_NAMES.filter((bank) => members[bank] !== undefined);
    return new Map(there.map((bank) => [bank, VALUES.read(reader, `${path}${bank}`, members[bank])]));
  },
  write: (value) => Object.fromEntries(Array.from(value, ([bank, values]) => [bank, VALUES.write(values)])),
};

/** Names of what are values of registers by their form, but of no bank that a log can be replayed for. */
export function unknownBanksOf(json: Uint8Array): readonly string[] {
  const { value = {} } = readJson(MEMBERS, json);
  return Object.keys(value).filter((name) => isObject(value[name]) && !BANK_NAMES.some((bank) => bank === name));
}

const MEMBERS: Field<Readonly<Record<string, unknown>>> = {
  read: (_reader, _path, value) => (isObject(value) ? value : {}),
  write: () => null,
};

/** Reads a file of register values. @throws EvidenceError `file_malformed` */
export function parseRegisters(json: Uint8Array): ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>> {
  const { value, findings } = readJson(REGISTERS, json);
  if (findings === undefined) return value;
  throw new EvidenceError("file_malformed", `Read registers failed: ${findingsText("file", findings)}`, { findings });
}
