import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeNode, KubeNodePatch } from "@constellation/kube";
import type { NodeState } from "../state/node-state.ts";
import { reportGeneration } from "./report-generation.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const state = { name: "worker-0" } as NodeState;

test("reportGeneration() annotates the node, again until the API server takes it", async () => {
  const patches: [string, KubeNodePatch][] = [];
  let failures = 1;
  const patchNode = async (name: string, patch: KubeNodePatch): Promise<KubeNode> => {
    if (failures-- > 0) throw new Error("not yet");
    patches.push([name, patch]);
    return { metadata: { name } };
  };
  await reportGeneration({ patchNode }, { state, diskGeneration: 2 }, log, new AbortController().signal);
  const annotations = { "constellation.internal/state-disk-generation": "2" };
  assert.deepEqual(patches, [["worker-0", { metadata: { annotations } }]]);
});

test("reportGeneration() ends quietly with the agent", async () => {
  const stop = new AbortController();
  const patchNode = (): Promise<KubeNode> => {
    stop.abort();
    return Promise.reject(new Error("gone"));
  };
  await reportGeneration({ patchNode }, { state, diskGeneration: 1 }, log, stop.signal);
});
