import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseAllDocuments } from "yaml";
import { STATIC_POD_PATCHES, staticPodPatches, writeStaticPodPatches } from "./static-pod-patches.ts";
import { timingOf } from "./timing.ts";

const MANIFESTS = join(import.meta.dirname, "../../../image/manifests");
/** What an emulated node has: two processors, and of these a tenth stays for pods of users. */
const MOST_MILLICPU = 1800;

/** Parts of a thousand of a processor, as Kubernetes writes them. */
function millicpu(text: string): number {
  const [, digits] = /^([0-9]+)m$/.exec(text) ?? assert.fail(`"${text}" is not in millicpu`);
  return Number(digits);
}

/** What the patches of the patient profile ask for, by pod. */
function patientRequests(): Record<string, number> {
  const patches = Object.values(staticPodPatches("patient")) as {
    spec: { containers: { name: string; resources: { requests: { cpu: string } } }[] };
  }[];
  const containers = patches.flatMap(({ spec }) => spec.containers);
  return Object.fromEntries(containers.map(({ name, resources }) => [name, millicpu(resources.requests.cpu)]));
}

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec: { readonly containers: { resources?: { requests?: { cpu?: string } } }[] } };
  };
}

/** What the measured manifests ask for on a control plane with all replicas. */
async function manifestRequests(): Promise<Record<string, number>> {
  const requests: Record<string, number> = {};
  for (const file of ["constellation.yaml", "coredns.yaml", "csi.yaml"]) {
    const documents = parseAllDocuments(await readFile(join(MANIFESTS, file), "utf8"));
    for (const { kind, metadata, spec } of documents.map((document) => document.toJS() as Workload)) {
      if (kind !== "DaemonSet" && kind !== "Deployment") continue;
      const cpus = spec?.template?.spec.containers.map(({ resources }) => resources?.requests?.cpu ?? "none") ?? [];
      requests[metadata.name] = cpus.map(millicpu).reduce((sum, cpu) => sum + cpu, 0) * (spec?.replicas ?? 1);
    }
  }
  return requests;
}

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

  test("lets nothing have more of the processor than etcd and the API server, for which all wait", async () => {
    const own = patientRequests();
    const others = { ...(await manifestRequests()), cilium: millicpu(timingOf("patient").ciliumAgentCpu) };
    const least = Math.min(own["etcd"] ?? 0, own["kube-apiserver"] ?? 0);
    for (const [name, cpu] of Object.entries(others)) assert.ok(cpu < least, `${name} has ${cpu} of ${least}`);
  });

  test("leaves room for pods of users beside all that a control plane runs", async () => {
    const operator = /^operator:[^]*?cpu: ([0-9]+m)/m.exec(
      await readFile(join(MANIFESTS, "cilium-values.yaml"), "utf8"),
    );
    const requests = {
      ...patientRequests(),
      ...(await manifestRequests()),
      cilium: millicpu(timingOf("patient").ciliumAgentCpu),
      "cilium-operator": millicpu(operator?.[1] ?? ""),
    };
    assert.equal(Object.keys(requests).length, 10, JSON.stringify(requests));
    const sum = Object.values(requests).reduce((total, cpu) => total + cpu, 0);
    assert.ok(sum <= MOST_MILLICPU, `${sum} of ${MOST_MILLICPU}: ${JSON.stringify(requests)}`);
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
