import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMountTable } from "./mount-table.ts";

test("parseMountTable() reads device, root, target, mode and type", () => {
  const text =
    "36 35 253:2 / /var/lib/a\\040b rw,noatime shared:1 - ext4 /dev/dm-2 rw\n" +
    "37 35 0:6 /dm-3 /target ro,nosuid - devtmpfs udev rw\n";
  assert.deepEqual(parseMountTable(text), [
    { device: "253:2", root: "/", target: "/var/lib/a b", readOnly: false, type: "ext4" },
    { device: "0:6", root: "/dm-3", target: "/target", readOnly: true, type: "devtmpfs" },
  ]);
});
