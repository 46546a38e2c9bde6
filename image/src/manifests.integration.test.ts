import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { writeManifests } from "./manifests.ts";

interface Rule {
  readonly resources?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly data?: Readonly<Record<string, string>>;
}

describe("the manifests of the image, rendered by Helm", () => {
  let folder: string;
  let manifests: Manifest[];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "constellation-manifests-"));
    await writeManifests(folder);
    const files = ["10-cilium.yaml", "20-constellation.yaml", "30-coredns.yaml", "35-csi.yaml", "40-csi-local.yaml"];
    const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
    manifests = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Manifest));
    manifests = manifests.filter((manifest) => manifest !== null);
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  // The master secret is a Secret: whoever may read Secrets has it, and so has whom they copy it for.
  test("let nobody read or write Secrets", () => {
    const roles = manifests.filter(({ kind }) => kind === "Role" || kind === "ClusterRole");
    assert.ok(roles.some(({ metadata }) => metadata.name === "cilium-operator"));
    for (const { metadata, rules } of roles) {
      const resources = (rules ?? []).flatMap((rule) => rule.resources ?? []);
      for (const open of ["secrets", "*"]) assert.ok(!resources.includes(open), `${metadata.name} has ${open}`);
    }
  });

  test("have Cilium copy no Secrets and look for none", () => {
    const config = manifests.find(({ metadata }) => metadata.name === "cilium-config")?.data;
    assert.equal(config?.["enable-policy-secrets-sync"], undefined);
    assert.equal(config?.["policy-secrets-namespace"], "");
    assert.equal(
      manifests.some(({ kind }) => kind === "Namespace"),
      false,
    );
  });

  test("keep node ports off the ports of the join service", () => {
    const config = manifests.find(({ metadata }) => metadata.name === "cilium-config")?.data;
    assert.equal(config?.["node-port-range"], "30100,32767");
  });
});
