import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointAddress, MAX_NODES, nodeAddresses, type NodeRole } from "./addressing.ts";

test("nodeAddresses() numbers control planes from 10 and workers from 100, on guest and loopback side alike", () => {
  const prefix = endpointAddress("one").replace(/1$/, "");
  const zero = nodeAddresses("one", "control-plane", 0);
  assert.deepEqual(zero, { mac: "52:54:00:00:00:00", address: "10.42.0.10", loopbackAddress: `${prefix}10` });
  assert.equal(nodeAddresses("one", "worker", 3).address, "10.42.0.103");
});

test("nodeAddresses() gives no two nodes the same address or MAC", () => {
  const roles: NodeRole[] = ["control-plane", "worker"];
  const all = roles.flatMap((role) => Array.from({ length: MAX_NODES[role] }, (_, i) => nodeAddresses("x", role, i)));
  for (const field of ["mac", "address", "loopbackAddress"] as const) {
    assert.equal(new Set(all.map((node) => node[field])).size, all.length);
  }
});

test("endpointAddress() depends on the uid and keeps away from 127.0.0.0/16", () => {
  const found = Array.from({ length: 300 }, (_, i) => endpointAddress(`uid-${i}`));
  assert.ok(new Set(found).size > 250);
  for (const address of found) assert.match(address, /^127\.([1-9]|\d\d|\d\d\d)\.\d+\.1$/);
  assert.equal(endpointAddress("uid-7"), found[7]);
});
