import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { KeysError, type KeysErrorCode } from "./errors.ts";
import { formatKeyringEntries, type KeyringEntries, openGenerations, parseKeyringEntries } from "./keyring-entries.ts";
import { Keyring } from "./keyring.ts";
import { MasterSecret } from "./roles.ts";

const filled = (value: number, length = 32) => new Uint8Array(length).fill(value);
const EMPTY = new Uint8Array();
const FIRST = { mastersecret: filled(1), salt: filled(2) };
const SECOND = { "mastersecret-2": filled(3), "salt-2": filled(4) };
const THIRD = { "mastersecret-3": filled(5), "salt-3": filled(6) };
const REMOVED = { "mastersecret-2": EMPTY, "salt-2": EMPTY };

const keyringOf = (entries: KeyringEntries) => new Keyring(openGenerations(parseKeyringEntries(entries)));

test("parseKeyringEntries() takes a Secret from before there were generations as the first one", () => {
  const keyring = keyringOf(FIRST);
  assert.equal(keyring.current, 1);
  assert.deepEqual(keyring.get(1).master.reveal(), filled(1));
  assert.deepEqual(keyring.get(1).salt, filled(2));
});

for (const entries of [
  FIRST,
  { ...FIRST, ...SECOND },
  { ...FIRST, ...SECOND, ...THIRD },
  { ...FIRST, ...REMOVED, ...THIRD },
]) {
  test(`formatKeyringEntries() writes ${Object.keys(entries).join(", ")} as parseKeyringEntries() reads them`, () => {
    assert.deepEqual({ ...formatKeyringEntries(keyringOf(entries)) }, entries);
  });
}

test("parseKeyringEntries() takes copies", () => {
  const entries = { mastersecret: Buffer.from(filled(1)), salt: Buffer.from(filled(2)) };
  const keyring = keyringOf(entries);
  for (const bytes of Object.values(entries)) bytes.fill(0);
  assert.deepEqual([keyring.get(1).master.reveal(), keyring.get(1).salt], [filled(1), filled(2)]);
});

test("parseKeyringEntries() leaves no copy of a secret behind when it refuses a later generation", (context) => {
  const wiped = context.mock.method(MasterSecret.prototype, "wipe");
  assert.throws(() => parseKeyringEntries({ ...FIRST, ...SECOND, "mastersecret-3": filled(5) }), KeysError);
  const left = wiped.mock.calls.map(({ this: master }) => (master as MasterSecret).reveal());
  assert.deepEqual(left, [filled(0), filled(0)]);
});

test("parseKeyringEntries() knows a removed generation by its empty entries", () => {
  assert.deepEqual(keyringOf({ ...FIRST, ...REMOVED, ...THIRD }).numbers, [1, 3]);
});

test("parseKeyringEntries() gives wrapped master secrets, which openGenerations() refuses", () => {
  const stored = parseKeyringEntries({ "mastersecret.wrapped": filled(9, 200), salt: filled(2), ...SECOND });
  assert.deepEqual(
    stored.map(({ kind }) => kind),
    ["wrapped", "plain"],
  );
  assert.throws(() => openGenerations(stored), { code: "generation_wrapped" });
});

const refused: [string, KeyringEntries, KeysErrorCode][] = [
  ["nothing", {}, "generation_missing"],
  ["no first generation", { ...SECOND }, "generation_missing"],
  ["a gap", { ...FIRST, ...THIRD }, "generation_missing"],
  ["a secret without its salt", { mastersecret: filled(1) }, "entry_missing"],
  ["a salt without its secret", { ...FIRST, "salt-2": filled(4) }, "entry_missing"],
  ["a short secret", { ...FIRST, mastersecret: filled(1, 31) }, "entry_length"],
  ["a long secret", { ...FIRST, mastersecret: filled(1, 33) }, "entry_length"],
  ["a short salt", { ...FIRST, salt: filled(1, 31) }, "salt_length"],
  ["a first generation that was removed", { mastersecret: EMPTY, salt: EMPTY, ...SECOND }, "entry_length"],
  ["a current generation that was removed", { ...FIRST, ...REMOVED }, "entry_length"],
  [
    "one half of a removed generation",
    { ...FIRST, "mastersecret-2": EMPTY, "salt-2": filled(4), ...THIRD },
    "entry_length",
  ],
  ["a foreign entry", { ...FIRST, key: filled(1) }, "entry_unknown"],
  ["the first generation with its number", { "mastersecret-1": filled(1), "salt-1": filled(2) }, "entry_unknown"],
  ["a number with a zero before it", { ...FIRST, "mastersecret-02": filled(1), "salt-02": filled(2) }, "entry_unknown"],
  ["a number out of bounds", { ...FIRST, "mastersecret-256": filled(1), "salt-256": filled(2) }, "entry_unknown"],
  ["a wrapped salt", { ...FIRST, "salt.wrapped": filled(1) }, "entry_unknown"],
  ["a secret both plain and wrapped", { ...FIRST, "mastersecret.wrapped": filled(1) }, "entry_unknown"],
  ["an empty envelope", { "mastersecret.wrapped": EMPTY, salt: filled(2) }, "entry_length"],
  ["a huge envelope", { "mastersecret.wrapped": filled(1, 20_000), salt: filled(2) }, "entry_length"],
];
for (const [what, entries, code] of refused) {
  test(`parseKeyringEntries() refuses ${what} and shows no bytes`, () => {
    assert.throws(
      () => parseKeyringEntries(entries),
      (error: unknown) => {
        assert.ok(error instanceof KeysError);
        assert.equal(error.code, code);
        assert.doesNotMatch(inspect(error), /Uint8Array|AQEBAQ|0101/);
        return true;
      },
    );
  });
}
