import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { imageDir } from "./paths.ts";

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly provisioner?: string;
  readonly volumeBindingMode?: string;
  readonly allowVolumeExpansion?: boolean;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const text = await readFile(join(imageDir, "manifests/csi-local.yaml"), "utf8");
const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
const ofKind = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);

test("csi-local.yaml has one default StorageClass, and both wait for a pod", () => {
  const classes = ofKind("StorageClass");
  const [driver] = ofKind("CSIDriver");
  assert.deepEqual(
    classes.map(({ metadata: { name, annotations } }) => [
      name,
      annotations?.["storageclass.kubernetes.io/is-default-class"],
    ]),
    [
      ["encrypted-rwo", "true"],
      ["integrity-encrypted-rwo", undefined],
    ],
  );
  for (const { provisioner, volumeBindingMode } of classes) {
    assert.deepEqual([provisioner, volumeBindingMode], [driver?.metadata.name, "WaitForFirstConsumer"]);
  }
});

// A volume with integrity can't grow: the API server then says so at once.
test("csi-local.yaml lets exactly the volumes without integrity grow", () => {
  for (const { allowVolumeExpansion, parameters } of ofKind("StorageClass")) {
    assert.equal(allowVolumeExpansion, parameters?.["csi.constellation.internal/integrity"] !== "true");
  }
});

test("csi-local.yaml has the scheduler count, and nothing to attach", () => {
  const [driver] = ofKind("CSIDriver");
  assert.deepEqual([driver?.spec?.["storageCapacity"], driver?.spec?.["attachRequired"]], [true, false]);
});

test("csi-local.yaml gives rights to what the driver needs, and none to Secrets or roles", () => {
  const rules = [...ofKind("ClusterRole"), ...ofKind("Role")].flatMap((role) => role.rules ?? []);
  const rights = rules.flatMap(({ resources, verbs }) => resources.map((resource) => [resource, verbs.join()]));
  assert.deepEqual(Object.fromEntries(rights), {
    persistentvolumes: "get,list,watch,create,patch,delete",
    persistentvolumeclaims: "get,list,watch,patch",
    "persistentvolumeclaims/status": "patch",
    events: "create",
    nodes: "get",
    storageclasses: "get,list,watch",
    csistoragecapacities: "list,create,patch,delete",
  });
});

test("csi-local.yaml binds every admission policy, and each denies and fails closed", () => {
  const policies = ofKind("ValidatingAdmissionPolicy");
  const bindings = ofKind("ValidatingAdmissionPolicyBinding").map(({ spec }) => spec);
  assert.equal(policies.length, 2);
  for (const { metadata, spec } of policies) {
    assert.equal(spec?.["failurePolicy"], "Fail");
    const binding = bindings.find((each) => each?.["policyName"] === metadata.name);
    assert.deepEqual(binding?.["validationActions"], ["Deny"]);
  }
});
