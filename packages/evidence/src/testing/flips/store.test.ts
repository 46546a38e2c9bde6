import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FlipStore } from "./store.ts";

test("FlipStore keeps what is done, and does again what was cut off", () => {
  const folder = mkdtempSync(join(tmpdir(), "constellation-flips-"));
  try {
    const common = { kind: "nitro", positions: 1, flips: 2, refused: 2, unprotected: {}, findings: [], slowestMs: 1 };
    const part = { ...common, id: "nitro/x", part: "document" };
    new FlipStore(folder).add(part);
    const [file] = readdirSync(folder);
    appendFileSync(join(folder, file as string), '{"id":"nitro/x","part":"root');
    const again = new FlipStore(folder);
    assert.deepEqual(again.parts, [part]);
    assert.ok(again.has("nitro/x", "document") && !again.has("nitro/x", "root 0"));
    again.add({ ...part, part: "root 0" });
    assert.deepEqual(new FlipStore(folder).parts.length, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
