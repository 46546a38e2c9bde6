import assert from "node:assert/strict";
import { test } from "node:test";
import { EvidenceFiles } from "./files.ts";

test("EvidenceFiles.with() adds files, and takes the place of those of their roles", () => {
  const files = new EvidenceFiles(new Map([["report", Uint8Array.of(1)]]));
  const more = files.with(
    new Map([
      ["report", Uint8Array.of(2)],
      ["crl", Uint8Array.of(3)],
    ]),
  );
  assert.deepEqual([more.get("report"), more.get("crl")], [Uint8Array.of(2), Uint8Array.of(3)]);
  assert.deepEqual([files.get("report"), files.has("crl")], [Uint8Array.of(1), false]);
});
