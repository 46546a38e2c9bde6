import assert from "node:assert/strict";
import { test } from "node:test";
import { type LocalClusterSpec, surplusNodes, validateSpec, wantedNodes } from "./spec.ts";

const SPEC: LocalClusterSpec = {
  uid: "abc",
  name: "test",
  imagePath: "/image.raw",
  controlPlanes: 3,
  workers: 1,
  vcpus: 2,
  memoryMiB: 2048,
  stateDiskGiB: 10,
  hostPorts: [5000],
};

test("validateSpec() passes an ordinary cluster", () => {
  validateSpec(SPEC);
});

test("validateSpec() names every wrong field with its value and what is wanted", () => {
  const wrong = {
    ...SPEC,
    uid: "a/b",
    controlPlanes: 0,
    workers: 1.5,
    memoryMiB: 12,
    hostPorts: [0],
    nodes: { x: {} },
  };
  assert.throws(
    () => validateSpec(wrong),
    (error: Error & { code?: string }) => {
      for (const part of [/uid: got "a\/b"/, /controlPlanes: got "0", wanted "1" to "90"/, /workers: got "1.5"/]) {
        assert.match(error.message, part);
      }
      for (const part of [/memoryMiB: got "12"/, /hostPorts: got "0"/, /nodes: got "x"/])
        assert.match(error.message, part);
      return error.code === "spec-invalid";
    },
  );
});

test("wantedNodes() lists control planes first", () => {
  assert.deepEqual(
    wantedNodes(SPEC).map((node) => node.name),
    ["control-plane-0", "control-plane-1", "control-plane-2", "worker-0"],
  );
});

test("surplusNodes() are the highest numbers of a role that shrinks, and none of a role that grows", () => {
  const nodes = wantedNodes({ ...SPEC, controlPlanes: 1, workers: 3 });
  const names = (spec: LocalClusterSpec) => surplusNodes(nodes, spec).map((node) => node.name);
  assert.deepEqual(names({ ...SPEC, controlPlanes: 3, workers: 1 }), ["worker-1", "worker-2"]);
  assert.deepEqual(names({ ...SPEC, controlPlanes: 1, workers: 3 }), []);
  assert.deepEqual(names({ ...SPEC, controlPlanes: 1, workers: 0 }), ["worker-0", "worker-1", "worker-2"]);
});
