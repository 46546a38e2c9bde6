import { bytes, type Field, findingsText, isObject, readJson, shown } from "@constellation/fields";
import type { Bank } from "@constellation/eventlog";
import { EvidenceError } from "../error.ts";
import { indexed } from "../policy/indexed.ts";
import { anyCase } from "./any-case.ts";

/** The banks that a file of values or a policy may name. */
export const BANK_NAMES: readonly Bank[] = ["sha1", "sha256", "sha384", "sha512"];
/** Values of any length are read: one that is not of its bank is evidence that is wrong, and refused. */
const VALUES = indexed(31, anyCase(bytes(0, 64)));

/** A file of register values. A bank may be left out. */
interface RegisterFile {
  readonly banks: ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>>;
  /** Names of what are values by their form, but of no bank that a log can be replayed for. What is no object is a remark. */
  readonly unknownBanks: readonly string[];
}

const REGISTERS: Field<RegisterFile> = {
  read(reader, path, value) {
    const members = isObject(value) ? value : {};
    if (!isObject(value)) reader.add(path, shown(value), "an object");
    const there = BANK_NAMES.filter((bank) => members[bank] !== undefined);
    const others = Object.keys(members).filter((name) => !BANK_NAMES.some((bank) => bank === name));
    return {
      banks: new Map(there.map((bank) => [bank, VALUES.read(reader, `${path}${bank}`, members[bank])])),
      unknownBanks: others.filter((name) => isObject(members[name])),
    };
  },
  write: () => null,
};

/** Reads a file of register values. @throws EvidenceError `file_malformed` */
export function parseRegisters(json: Uint8Array): ReadonlyMap<Bank, ReadonlyMap<number, Uint8Array>> {
  return parseRegisterFile(json).banks;
}

/** The same, with what is in it of banks that nobody knows. @throws EvidenceError `file_malformed` */
export function parseRegisterFile(json: Uint8Array): RegisterFile {
  const { value, findings } = readJson(REGISTERS, json);
  if (findings === undefined) return value;
  throw new EvidenceError("file_malformed", `Read registers failed: ${findingsText("file", findings)}`, { findings });
}
