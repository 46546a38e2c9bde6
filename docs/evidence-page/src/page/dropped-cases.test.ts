import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { EvidenceError } from "@constellation/evidence";
import { filesBelow } from "../testing/vectors.ts";
import { caseFolders, type Dropped, looseFiles, readDroppedCase, withFiles } from "./dropped-cases.ts";

const CASE = "nitro/enclave-1";
const ROOT = "trust-roots/aws/nitro_enclaves_root_g1.pem";
const inCase = (as: string) => filesBelow(CASE, as);
const [root] = filesBelow("trust-roots", "trust-roots").filter(({ path }) => path === ROOT) as [
  { path: string; bytes: Uint8Array },
];
const dropped = (...files: { path: string; bytes: Uint8Array }[]): Dropped => withFiles(new Map(), files);
const rootNames = (files: Dropped, folder: string) => readDroppedCase(files, folder).roots.map(({ name }) => name);
const refused = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof EvidenceError && error.code === code && message.test(error.message);

test("caseFolders() and looseFiles() part the files by the folders that have a case.json", () => {
  const file = (path: string) => ({ path, bytes: new Uint8Array() });
  const files = dropped(file("set/b/case.json"), file("set/b/x"), file("set/a/case.json"), file("set/x"), file("y"));
  assert.deepEqual(caseFolders(files), ["set/a", "set/b"]);
  assert.deepEqual(
    looseFiles(files).map(({ path }) => path),
    ["set/x", "y"],
  );
  assert.deepEqual(caseFolders(dropped(file("case.json"))), [""]);
});

test("withFiles() lets a file take the place of the one with its path", () => {
  const files = withFiles(dropped({ path: "a", bytes: utf8("old") }), [{ path: "a", bytes: utf8("new") }]);
  assert.deepEqual([...files], [["a", utf8("new")]]);
});

describe("readDroppedCase()", () => {
  test("finds roots where the case says, from wherever the set was dropped", () => {
    for (const top of ["", "set/", "a/b/set/"]) {
      const files = dropped(...inCase(`${top}${CASE}`), { ...root, path: `${top}${ROOT}` });
      assert.deepEqual(rootNames(files, `${top}${CASE}`), [`${top}${ROOT}`]);
    }
  });

  test("knows a root by the end of its path where folder and root were dropped by themselves", () => {
    for (const path of ["nitro_enclaves_root_g1.pem", "aws/nitro_enclaves_root_g1.pem", ROOT, `else/${ROOT}`]) {
      const { input, roots } = readDroppedCase(dropped(...inCase("enclave-1"), { ...root, path }), "enclave-1");
      assert.deepEqual([roots.length, roots[0]?.name, input.roots.length], [1, path, 1]);
      assert.match(roots[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
    }
    assert.deepEqual(rootNames(dropped(...inCase("").map(withoutSlash), root), ""), [ROOT]);
  });

  test("takes no file of a case for a root of another place, and no other name", () => {
    for (const path of ["enclave-1/nitro_enclaves_root_g1.pem", "my-nitro_enclaves_root_g1.pem", "other/root.pem"]) {
      const files = dropped(...inCase("enclave-1"), { ...root, path });
      assert.throws(() => readDroppedCase(files, "enclave-1"), refused("file_missing", /the root that it trusts/));
    }
  });

  test("prefers the root two levels above the case to others of its name, and refuses to choose between these", () => {
    const other = { path: `else/${ROOT}`, bytes: utf8("other") };
    const exact = dropped(...inCase(`set/${CASE}`), other, { ...root, path: `set/${ROOT}` });
    assert.deepEqual(rootNames(exact, `set/${CASE}`), [`set/${ROOT}`]);
    const alone = inCase("enclave-1");
    const differing = dropped(...alone, root, other);
    assert.throws(() => readDroppedCase(differing, "enclave-1"), refused("file_malformed", /wanted one root/));
    const same = dropped(...alone, root, { ...root, path: `else/${ROOT}` });
    assert.deepEqual(rootNames(same, "enclave-1"), [ROOT]);
  });

  test("says which file of the case was not dropped", () => {
    const files = dropped(...inCase("enclave-1").filter(({ path }) => path.endsWith("case.json")), root);
    assert.throws(() => readDroppedCase(files, "enclave-1"), refused("file_missing", /"enclave-1\/document/));
  });
});

function withoutSlash({ path, bytes }: { path: string; bytes: Uint8Array }): { path: string; bytes: Uint8Array } {
  return { path: path.slice(1), bytes };
}
