import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBuildInformation } from "./go-programs.ts";

const TEXT = `extra/usr/bin/kubelet: go1.26.8
\tpath\tk8s.io/kubernetes/cmd/kubelet
\tmod\tk8s.io/kubernetes\tv1.36.4\th1:08GT0ZOMty=
\tdep\tgithub.com/go-logr/logr\tv1.4.3\th1:CjnDlHq8ik=
\tdep\tgithub.com/old/fork\tv1.0.0
\t=>\tgithub.com/new/fork\tv1.1.0\th1:fcYLmCpyNY=
\tbuild\t-trimpath=true
extra/opt/cni/bin/cilium-cni: go1.26.8 X:nocoverageredesign
\tpath\tgithub.com/cilium/cilium/plugins/cilium-cni
\tmod\tgithub.com/cilium/cilium\tv1.19.6
\t=>\t./edited/github.com/cilium/cilium\t(devel)\t

extra/usr/bin/tool: go1.26.8
\tpath\tcommand-line-arguments
`;

test("parseBuildInformation() gives each program with its main module and what is compiled in", () => {
  const [kubelet] = parseBuildInformation(TEXT);
  assert.deepEqual(kubelet, {
    name: "kubelet",
    toolchain: "go1.26.8",
    main: { path: "k8s.io/kubernetes", version: "v1.36.4", sum: "h1:08GT0ZOMty=" },
    modules: [
      { path: "github.com/go-logr/logr", version: "v1.4.3", sum: "h1:CjnDlHq8ik=" },
      { path: "github.com/new/fork", version: "v1.1.0", sum: "h1:fcYLmCpyNY=" },
    ],
  });
});

test("parseBuildInformation() keeps the name of a module that was edited, without its checksum", () => {
  const [, cni] = parseBuildInformation(TEXT);
  assert.equal(cni?.toolchain, "go1.26.8");
  assert.deepEqual(cni?.main, { path: "github.com/cilium/cilium", version: "v1.19.6", edited: true });
});

test("parseBuildInformation() passes over a program without a main module", () => {
  assert.deepEqual(
    parseBuildInformation(TEXT).map(({ name }) => name),
    ["kubelet", "cilium-cni"],
  );
});

test("parseBuildInformation() refuses a module from a folder that is not ours", () => {
  const foreign = TEXT.replace("./edited/github.com/cilium/cilium", "/tmp/evil");
  assert.throws(
    () => parseBuildInformation(foreign),
    /github\.com\/cilium\/cilium is '\/tmp\/evil', wanted '\.\/edited\//,
  );
});
