import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExpansionStep, expansionStep } from "./expand.ts";
import type { Claim, Volume } from "./kube-types.ts";

const step = (
  requested: string,
  has: string,
  volumeHas: string,
  over: Partial<Claim["status"]> & { deleted?: boolean } = {},
) => {
  const { deleted = false, ...status } = over;
  const claim: Claim = {
    metadata: { name: "c", ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
    spec: { resources: { requests: { storage: requested } } },
    status: { phase: "Bound", capacity: { storage: has }, ...status },
  };
  const volume: Volume = {
    metadata: { name: "v" },
    spec: {
      capacity: { storage: volumeHas },
      accessModes: [],
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: "",
      volumeMode: "Filesystem",
    },
  };
  return expansionStep(claim, volume);
};

const cases: readonly [string, ExpansionStep, ExpansionStep][] = [
  ["does nothing for a claim that has what it asks for", step("1Gi", "1Gi", "1Gi"), "none"],
  ["does nothing for what was rounded up anyway", step("1.0001Mi", "64Mi", "64Mi"), "none"],
  ["grows a volume that is too small", step("2Gi", "1Gi", "1Gi"), "grow"],
  ["hands over what was cut off after the volume's new size", step("2Gi", "1Gi", "2Gi"), "hand-over"],
  [
    "hands over a resize that it had begun",
    step("2Gi", "1Gi", "2Gi", { allocatedResourceStatuses: { storage: "ControllerResizeInProgress" } }),
    "hand-over",
  ],
  [
    "leaves the kubelet alone",
    step("2Gi", "1Gi", "2Gi", { allocatedResourceStatuses: { storage: "NodeResizeInProgress" } }),
    "none",
  ],
  [
    "grows again when more is asked for meanwhile",
    step("3Gi", "1Gi", "2Gi", { allocatedResourceStatuses: { storage: "NodeResizePending" } }),
    "grow",
  ],
  ["does nothing for a claim that is not bound", step("2Gi", "1Gi", "1Gi", { phase: "Pending" }), "none"],
  ["does nothing for a claim that is ending", step("2Gi", "1Gi", "1Gi", { deleted: true }), "none"],
];
for (const [what, got, wanted] of cases) test(`expansionStep() ${what}`, () => assert.equal(got, wanted));
