import assert from "node:assert/strict";
import { test } from "node:test";
import type { Claim, StorageClass, Volume } from "./kube-types.ts";
import { isVolumeOf, planVolume, requestedBytes } from "./persistent-volume.ts";

const UID = "0b3c2f0e-6f0e-4d5b-9d56-1f2a3b4c5d6e";
type Spec = Partial<Claim["spec"]>;
const claim = (spec: Spec = {}, uid = UID): Claim => ({
  metadata: { namespace: "shop", name: "data", uid },
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, ...spec },
});
const storageClass = (parameters: Record<string, string> = {}): StorageClass => ({
  metadata: { name: "encrypted-rwo" },
  provisioner: "local.csi.constellation.internal",
  parameters,
});
const plan = (spec?: Spec, parameters?: Record<string, string>) =>
  planVolume(claim(spec), storageClass(parameters), "w");

test("planVolume() gives the same volume for the same claim, named by its UID", () => {
  assert.deepEqual(plan(), plan());
  assert.equal(plan().volumeId, `pvc-${UID}`);
  assert.equal(plan().volume.metadata.name, `pvc-${UID}`);
});

test("planVolume() takes reclaim policy and mount options from the class", () => {
  const own = { ...storageClass(), reclaimPolicy: "Retain", mountOptions: ["noatime"] };
  const { spec } = planVolume(claim(), own, "w").volume;
  assert.deepEqual([spec.persistentVolumeReclaimPolicy, spec.mountOptions], ["Retain", ["noatime"]]);
  assert.equal(planVolume(claim({ volumeMode: "Block" }), own, "w").volume.spec.mountOptions, undefined);
});

test("requestedBytes() leaves room for a header in the smallest of volumes", () => {
  assert.equal(requestedBytes(claim({ resources: { requests: { storage: "1" } } })), 64 * 1024 ** 2);
});

const refused: readonly [string, RegExp, Spec, Record<string, string>?][] = [
  ["no access mode", /accessModes: got "none"/, { accessModes: [] }],
  ["many readers", /accessModes: got "ReadOnlyMany"/, { accessModes: ["ReadWriteOnce", "ReadOnlyMany"] }],
  ["a selector", /selector/, { selector: {} }],
  ["a clone", /dataSource: /, { dataSource: {} }],
  ["a snapshot", /dataSourceRef/, { dataSourceRef: {} }],
  [
    "a parameter that it does not know",
    /parameter "csi.constellation.internal\/integrty"/,
    {},
    { "csi.constellation.internal/integrty": "true" },
  ],
  [
    "integrity that is neither on nor off",
    /integrity: got "yes"/,
    {},
    { "csi.constellation.internal/integrity": "yes" },
  ],
  ["another file system", /fstype: got "btrfs"/, {}, { "csi.storage.k8s.io/fstype": "btrfs" }],
];
for (const [what, message, spec, parameters] of refused) {
  test(`planVolume() refuses ${what}`, () => {
    assert.throws(() => plan(spec, parameters), { code: "claim_unsupported", message });
  });
}

for (const uid of ["", "../x", UID.toUpperCase(), `${UID}/..`]) {
  test(`planVolume() makes no path of the UID ${JSON.stringify(uid)}`, () => {
    assert.throws(() => planVolume(claim({}, uid), storageClass(), "w"), { code: "argument_invalid" });
  });
}

test("isVolumeOf() takes volumes of this driver on this node only", () => {
  const { volume } = plan();
  const changed = (change: (spec: Volume["spec"]) => Partial<Volume["spec"]>): Volume => ({
    ...volume,
    spec: { ...volume.spec, ...change(volume.spec) },
  });
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  assert.equal(isVolumeOf("w", volume), true);
  assert.equal(isVolumeOf("v", volume), false);
  assert.equal(
    isVolumeOf(
      "w",
      changed(() => ({ csi: { driver: "x", volumeHandle: volume.metadata.name } })),
    ),
    false,
  );
  assert.equal(
    isVolumeOf(
      "w",
      changed(({ csi }) => ({ csi: { driver: csi?.driver ?? "", volumeHandle: "y" } })),
    ),
    false,
  );
  const or = { required: { nodeSelectorTerms: [...terms, ...terms] } };
  assert.equal(
    isVolumeOf(
      "w",
      changed(() => ({ nodeAffinity: or })),
    ),
    false,
  );
  assert.equal(
    isVolumeOf(
      "w",
      changed(() => ({ nodeAffinity: {} })),
    ),
    false,
  );
});
