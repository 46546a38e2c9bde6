import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "./errors.ts";
import { postInitState, preInitState } from "./fixtures.ts";
import { recordedNodes } from "./recorded-nodes.ts";
import { emptyState, parseState, serializeState, withState } from "./state.ts";
import { postInitFindings, preCreateFindings, preInitFindings, stateMode } from "./state-constraints.ts";
import type { State } from "./state-schema.ts";

const paths = (findings: readonly { path: string }[]) => findings.map(({ path }) => path);

test("parseState() reads what serializeState() wrote", () => {
  for (const state of [emptyState(), preInitState(), postInitState()]) {
    assert.deepEqual(parseState(serializeState(state)), state);
  }
});

test("parseState() reads a removal that is under way, and none where none is", () => {
  const { qemu } = postInitState().infrastructure;
  const removing = [qemu!.nodes[1]!];
  const state = withState(postInitState(), { infrastructure: { qemu: { ...qemu!, removing } } });
  assert.deepEqual(parseState(serializeState(state)), state);
  assert.doesNotMatch(serializeState(state), /[&*]/, "a record is written whole wherever it stands");
  const done = withState(state, { infrastructure: { qemu: { ...qemu!, removing: undefined } } });
  assert.equal(serializeState(done), serializeState(postInitState()));
});

test("parseState() reads digits as the text they are", () => {
  const state = withState(postInitState(), { clusterValues: { clusterID: "1".repeat(64) } });
  assert.equal(parseState(serializeState(state)).clusterValues.clusterID, "1".repeat(64));
});

test("parseState() lists every wrong field and never shows a secret", () => {
  const text = serializeState(preInitState())
    .replace('initSecret: ""', "initSecret: hunter2")
    .replace("role: worker", "role: boss")
    .replace("uid: abcd1234", "uid: [1]")
    .concat("extra: 1\n");
  assert.throws(
    () => parseState(text),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(paths(error.findings), [
        "infrastructure.uid",
        "infrastructure.initSecret",
        "infrastructure.qemu.nodes[1].role",
        "extra",
      ]);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
});

test("parseState() reads the other providers' blocks of the original", () => {
  const state = parseState("version: v1\ninfrastructure:\n  azure:\n    resourceGroup: rg\n  gcp:\n    projectID: p\n");
  assert.equal(state.infrastructure.azure?.resourceGroup, "rg");
});

test("stateMode() tells the three stages", () => {
  assert.equal(stateMode(emptyState()), "pre-create");
  assert.equal(stateMode(preInitState()), "pre-init");
  assert.equal(stateMode(postInitState()), "post-init");
});

test("stateMode() takes a measurement salt without cluster ID for an init that was cut off", () => {
  assert.equal(
    stateMode(withState(preInitState(), { clusterValues: { measurementSalt: "2e".repeat(32) } })),
    "pre-init",
  );
});

function withInfrastructure(change: Partial<State["infrastructure"]>): State {
  return withState(postInitState(), { infrastructure: change });
}

const qemu = postInitState().infrastructure.qemu!;
const CONTRADICTIONS: readonly [string, State, string[]][] = [
  ["no endpoint", withInfrastructure({ clusterEndpoint: "" }), ["infrastructure.clusterEndpoint"]],
  [
    "an endpoint that is no host",
    withInfrastructure({ clusterEndpoint: "300.1.1.1" }),
    ["infrastructure.clusterEndpoint"],
  ],
  [
    "an endpoint inside that is no host",
    withInfrastructure({ inClusterEndpoint: "a b" }),
    ["infrastructure.inClusterEndpoint"],
  ],
  ["a network that is none", withInfrastructure({ ipCidrNode: "10.0.0.0" }), ["infrastructure.ipCidrNode"]],
  ["neither uid nor name", withInfrastructure({ uid: "", name: "" }), ["infrastructure.uid", "infrastructure.name"]],
  [
    "another provider's values",
    withInfrastructure({ gcp: { projectID: "p", ipCidrPod: "" } }),
    ["infrastructure.gcp.projectID"],
  ],
  ["no authority", withInfrastructure({ qemu: { ...qemu, endorsementCA: "" } }), ["infrastructure.qemu.endorsementCA"]],
  [
    "no control plane",
    withInfrastructure({ qemu: { ...qemu, nodes: qemu.nodes.slice(1) } }),
    ["infrastructure.qemu.nodes"],
  ],
  [
    "two nodes of one machine",
    withInfrastructure({ qemu: { ...qemu, nodes: [...qemu.nodes, { ...qemu.nodes[1]!, name: "worker-1" }] } }),
    ["infrastructure.qemu.nodes[2].ekDigest", "infrastructure.qemu.nodes[2].diskUUID"],
  ],
  [
    "a control plane that is removed",
    withInfrastructure({ qemu: { ...qemu, removing: [qemu.nodes[1]!, qemu.nodes[0]!] } }),
    ["infrastructure.qemu.removing[1].role"],
  ],
  [
    "a cluster ID without salt",
    withState(postInitState(), { clusterValues: { measurementSalt: "" } }),
    ["clusterValues.measurementSalt"],
  ],
];

for (const [what, state, wrong] of CONTRADICTIONS) {
  test(`stateMode() refuses a state with ${what}`, () => {
    assert.throws(
      () => stateMode(state),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "state-mode");
        assert.deepEqual(paths(error.findings), wrong);
        assert.ok(error.hint);
        return true;
      },
    );
  });
}

test("the constraint sets exclude each other", () => {
  assert.deepEqual(paths(preInitFindings(postInitState())), ["clusterValues.clusterID"]);
  assert.deepEqual(paths(postInitFindings(preInitState())), [
    "clusterValues.clusterID",
    "clusterValues.measurementSalt",
  ]);
  assert.ok(preCreateFindings(preInitState()).length > 5);
  assert.ok(preInitFindings(emptyState()).length > 5);
});

test("stateMode() takes node records of machines that others made, and refuses them beside local ones", () => {
  const { qemu, ...infrastructure } = preInitState().infrastructure;
  const nodes = qemu?.nodes ?? [];
  const own = { ...preInitState(), infrastructure: { ...infrastructure, nodes } };
  assert.equal(stateMode(own), "pre-init");
  assert.deepEqual(recordedNodes(own), nodes);
  const both = { ...preInitState(), infrastructure: { ...preInitState().infrastructure, nodes } };
  assert.throws(() => stateMode(both), /infrastructure\.nodes: .*, wanted nothing beside infrastructure\.qemu/);
  const twice = { ...own, infrastructure: { ...infrastructure, nodes: [...nodes, ...nodes] } };
  assert.throws(() => stateMode(twice), /infrastructure\.nodes\[2\]\.ekDigest: .*, wanted a value no other node has/);
  const workers = nodes.filter(({ role }) => role === "worker");
  const headless = { ...own, infrastructure: { ...infrastructure, nodes: workers } };
  assert.throws(() => stateMode(headless), /infrastructure\.nodes: .*, wanted at least one control-plane node/);
});
