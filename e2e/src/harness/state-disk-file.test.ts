import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { CHECKOUT } from "./programs.ts";
import { withToken } from "./state-disk-file.ts";

const HEADER_BYTES = 16_384;

test("withToken() changes the header's tokens and its checksum, and nothing before them", () => {
  const file = join(CHECKOUT, "packages/luks/src/testdata/initialised.header.gz");
  const header = gunzipSync(readFileSync(file)).subarray(0, HEADER_BYTES);
  const changed = withToken(header);
  assert.equal(changed.length, HEADER_BYTES);
  assert.ok(changed.subarray(0, 448).equals(header.subarray(0, 448)));
  assert.ok(!changed.subarray(448, 480).equals(header.subarray(448, 480)));
  const json = JSON.parse(changed.toString("latin1", 4096, changed.indexOf(0, 4096))) as { tokens: object };
  assert.deepEqual(Object.keys(json.tokens), ["0", "1"]);
});
