import assert from "node:assert/strict";
import { test } from "node:test";
import { EtcdSecretsKey } from "@constellation/keys";
import type { KubeNode, KubeNodePatch } from "@constellation/kube";
import { EtcdKeyring } from "../kms/etcd-keyring.ts";
import type { NodeState } from "../state/node-state.ts";
import { reportGenerations } from "./report-generation.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const state = { name: "worker-0" } as NodeState;
const DISK = "constellation.internal/state-disk-generation";
const API_SERVER = "constellation.internal/etcd-secrets-generation";

test("reportGenerations() annotates the node, again until the API server takes it", async () => {
  const patches: [string, KubeNodePatch][] = [];
  let failures = 1;
  const patchNode = async (name: string, patch: KubeNodePatch): Promise<KubeNode> => {
    if (failures-- > 0) throw new Error("not yet");
    patches.push([name, patch]);
    return { metadata: { name } };
  };
  const { signal } = new AbortController();
  await reportGenerations({ patchNode }, { state, diskGeneration: 2 }, undefined, log, signal);
  assert.deepEqual(patches, [["worker-0", { metadata: { annotations: { [DISK]: "2" } } }]]);
});

test("reportGenerations() says under which generation the API server writes, as soon as it does", async () => {
  const ring = new EtcdKeyring(() => 0);
  const keys = [1, 2].map((generation) => ({ generation, key: new EtcdSecretsKey(new Uint8Array(32)) }));
  ring.replace(keys, "at-once");
  const stop = new AbortController();
  const seen: unknown[] = [];
  const patchNode = async (name: string, { metadata }: KubeNodePatch): Promise<KubeNode> => {
    seen.push(metadata?.annotations);
    // That the key is there says nothing yet: the API server has to have taken a seed that is wrapped under it.
    if (seen.length === 3) stop.abort();
    else setImmediate(() => ring.noteWritten(seen.length));
    return { metadata: { name } };
  };
  await reportGenerations({ patchNode }, { state, diskGeneration: 1 }, ring, log, stop.signal);
  assert.deepEqual(seen, [{ [DISK]: "1" }, { [DISK]: "1", [API_SERVER]: "1" }, { [DISK]: "1", [API_SERVER]: "2" }]);
});

test("reportGenerations() ends quietly with the agent", async () => {
  const stop = new AbortController();
  const patchNode = (): Promise<KubeNode> => {
    stop.abort();
    return Promise.reject(new Error("gone"));
  };
  await reportGenerations({ patchNode }, { state, diskGeneration: 1 }, undefined, log, stop.signal);
});
