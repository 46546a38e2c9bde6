import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdit } from "./components.ts";

const edit = { module: "example.org/m@v1.0.0", file: "a.go", from: "Limit = 5", to: "Limit = 50" };

test("applyEdit() changes the one place", () => {
  assert.equal(applyEdit(edit, "const Limit = 5\n"), "const Limit = 50\n");
});

test("applyEdit() refuses a text that upstream has changed", () => {
  for (const text of ["const Limit = 6\n", "const Limit = 5\nconst OtherLimit = 5\n"]) {
    assert.throws(
      () => applyEdit(edit, text),
      /Edit a\.go of example\.org\/m@v1\.0\.0 failed: got 'Limit = 5' [02] times/,
    );
  }
});
