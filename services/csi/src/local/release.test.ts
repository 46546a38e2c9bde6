import assert from "node:assert/strict";
import { test } from "node:test";
import type { Volume } from "./kube-types.ts";
import { FINALIZER } from "./names.ts";
import { fateOf, type VolumeFate } from "./release.ts";

const volume = (phase: string, policy: string, deleted = false, finalizers = [FINALIZER]): Volume => ({
  metadata: { name: "v", finalizers, ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}) },
  spec: {
    capacity: {},
    accessModes: [],
    persistentVolumeReclaimPolicy: policy,
    storageClassName: "",
    volumeMode: "Filesystem",
  },
  status: { phase },
});

const fates: readonly [string, Volume, VolumeFate][] = [
  ["a released volume of the policy Delete", volume("Released", "Delete"), "file-and-object"],
  ["one whose object is deleted already", volume("Released", "Delete", true), "file-and-object"],
  ["a bound volume", volume("Bound", "Delete"), "stays"],
  ["a bound volume whose object is deleted", volume("Bound", "Delete", true), "stays"],
  ["a volume of no phase whose object is deleted", volume("", "Delete", true), "stays"],
  ["a released volume of the policy Retain", volume("Released", "Retain"), "stays"],
  ["one whose object is deleted, of the policy Retain", volume("Released", "Retain", true), "object"],
  ["a free volume", volume("Available", "Delete"), "stays"],
  ["a free volume whose object is deleted", volume("Available", "Delete", true), "file-and-object"],
  ["a free volume of the policy Retain whose object is deleted", volume("Available", "Retain", true), "object"],
  ["a volume without our finalizer", volume("Released", "Delete", false, ["other"]), "stays"],
];
for (const [what, object, fate] of fates) {
  test(`fateOf() says "${fate}" of ${what}`, () => assert.equal(fateOf(object), fate));
}
