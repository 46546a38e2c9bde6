import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { STATIC_POD_PATCHES, staticPodPatches, writeStaticPodPatches } from "./static-pod-patches.ts";

describe("staticPodPatches()", () => {
  test("leaves pods alone in the default profile", () => assert.deepEqual(staticPodPatches("default"), {}));

  test("gives every pod of the control plane time in the patient one", () => {
    const names = Object.keys(staticPodPatches("patient")).sort();
    assert.deepEqual(names, [
      "etcd+strategic.json",
      "kube-apiserver+strategic.json",
      "kube-controller-manager+strategic.json",
      "kube-scheduler+strategic.json",
    ]);
  });
});

describe("writeStaticPodPatches()", () => {
  test("takes the patches of another profile away", async () => {
    const root = await mkdtemp(join(tmpdir(), "constellation-patches-"));
    await writeStaticPodPatches(root, "patient");
    assert.equal((await readdir(root + STATIC_POD_PATCHES)).length, 4);
    await writeStaticPodPatches(root, "default");
    assert.equal((await readdir(root + STATIC_POD_PATCHES)).length, 0);
    await rm(root, { recursive: true });
  });
});
