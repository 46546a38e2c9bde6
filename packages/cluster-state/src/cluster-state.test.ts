import assert from "node:assert/strict";
import { test } from "node:test";
import { type ClusterState, parseClusterState, serializeClusterState } from "./cluster-state.ts";
import { ClusterStateError, type ClusterStateErrorCode } from "./errors.ts";

const node = (name: string, digit: string) => ({
  name,
  role: "worker" as const,
  ekDigest: digit.repeat(64),
  diskUuid: `${digit.repeat(8)}-0000-8000-8000-000000000000`,
});
const state: ClusterState = {
  policyJson: '{"variant":"qemu-vtpm"}',
  nodes: [{ ...node("control-plane-0", "a"), role: "control-plane" }, node("worker-0", "b")],
  settings: {
    clusterId: "c".repeat(64),
    serviceCidr: "10.96.0.0/12",
    timingProfile: "patient",
    registryMirrors: [{ registry: "_default", endpoints: ["http://10.42.0.2:5000"] }],
  },
};

test("parseClusterState() reads what serializeClusterState() wrote", () => {
  assert.deepEqual(parseClusterState(serializeClusterState(state)), state);
});

test("parseClusterState() accepts an empty list of nodes, which admits nobody", () => {
  assert.deepEqual(parseClusterState({ ...serializeClusterState(state), "nodes.json": "[]" }).nodes, []);
});

function refuses(
  what: string,
  code: ClusterStateErrorCode,
  field: string,
  change: (data: Record<string, string>) => void,
) {
  test(`parseClusterState() refuses ${what}`, () => {
    const data = serializeClusterState(state);
    change(data);
    assert.throws(
      () => parseClusterState(data),
      (error: unknown) => error instanceof ClusterStateError && error.code === code && error.field === field,
    );
  });
}

for (const key of ["policy.json", "nodes.json", "cluster.json"]) {
  refuses(`a state without ${key}`, "missing_key", key, (data) => delete data[key]);
}
refuses("text that is no JSON", "malformed_json", "nodes.json", (data) => {
  data["nodes.json"] = "[{";
});
refuses("a list that is no list", "wrong_shape", "nodes.json", (data) => {
  data["nodes.json"] = "{}";
});
const records: [string, ClusterStateErrorCode, string, unknown][] = [
  ["a record with a further key", "wrong_shape", "", { ...node("w", "d"), admin: true }],
  ["a record without a role", "wrong_shape", "", { ...node("w", "d"), role: undefined }],
  ["a record that is null", "wrong_shape", "", null],
  ["a role in other letters", "wrong_value", ".role", { ...node("w", "d"), role: "Control-Plane" }],
  ["a name with a colon", "wrong_value", ".name", node("a:b", "d")],
  ["a name with a line end", "wrong_value", ".name", node("a\n", "d")],
  ["a name of 64 characters", "wrong_value", ".name", node("a".repeat(64), "d")],
  ["an EK digest in upper case", "wrong_value", ".ekDigest", { ...node("w", "d"), ekDigest: "D".repeat(64) }],
  ["an EK digest that is a number", "wrong_value", ".ekDigest", { ...node("w", "d"), ekDigest: 1 }],
  ["a disk that is no UUID", "wrong_value", ".diskUuid", { ...node("w", "d"), diskUuid: "x" }],
  ["a name taken by another record", "not_unique", ".name", node("worker-0", "d")],
  ["an EK digest of another record", "not_unique", ".ekDigest", { ...node("w", "d"), ekDigest: "b".repeat(64) }],
  ["a disk of another record", "not_unique", ".diskUuid", { ...node("w", "d"), diskUuid: node("", "b").diskUuid }],
];
for (const [what, code, suffix, record] of records) {
  refuses(what, code, `nodes.json[2]${suffix}`, (data) => {
    data["nodes.json"] = JSON.stringify([...state.nodes, record]);
  });
}
const settings: [string, ClusterStateErrorCode, string, object][] = [
  ["settings with a further key", "wrong_shape", "", { more: 1 }],
  ["a short cluster ID", "wrong_value", ".clusterId", { clusterId: "c".repeat(63) }],
  ["a service range without a length", "wrong_value", ".serviceCidr", { serviceCidr: "10.96.0.0" }],
  ["a service range that is too long", "wrong_value", ".serviceCidr", { serviceCidr: "10.96.0.0/33" }],
  ["a service range with an odd octet", "wrong_value", ".serviceCidr", { serviceCidr: "10.096.0.0/12" }],
  ["an unknown timing profile", "wrong_value", ".timingProfile", { timingProfile: "slow" }],
  [
    "a mirror with a file URL",
    "wrong_value",
    ".registryMirrors[0].endpoints[0]",
    { registryMirrors: [{ registry: "docker.io", endpoints: ["file:///etc"] }] },
  ],
  [
    "a mirror with a path as registry",
    "wrong_value",
    ".registryMirrors[0].registry",
    { registryMirrors: [{ registry: "../x", endpoints: [] }] },
  ],
];
for (const [what, code, suffix, change] of settings) {
  refuses(what, code, `cluster.json${suffix}`, (data) => {
    data["cluster.json"] = JSON.stringify({ ...state.settings, ...change });
  });
}

test("serializeClusterState() refuses a state that could not be read again", () => {
  const twice = { ...state, nodes: [node("a", "d"), node("a", "e")] };
  assert.throws(() => serializeClusterState(twice), ClusterStateError);
});
