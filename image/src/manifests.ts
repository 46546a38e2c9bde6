import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { buildComponent, CILIUM_VERSION, components, KUBERNETES_VERSION, moduleDir } from "./components.ts";
import { BuildError } from "./errors.ts";
import { imageDir } from "./paths.ts";
import { run } from "./run.ts";

/** Writes the manifests that the first node applies: upstream's charts rendered by Helm, and our own. */
export async function writeManifests(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "10-cilium.yaml"), await renderCilium());
  await cp(join(imageDir, "manifests/constellation.yaml"), join(dir, "20-constellation.yaml"));
  await cp(join(imageDir, "manifests/coredns.yaml"), join(dir, "30-coredns.yaml"));
  await cp(join(imageDir, "manifests/csi.yaml"), join(dir, "35-csi.yaml"));
  await cp(join(imageDir, "manifests/csi-local.yaml"), join(dir, "40-csi-local.yaml"));
}

/** Writes the manifests of a cluster without encryption and without our services: what the benchmark compares with. */
export async function writePlainManifests(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const switches = ["enabled", "nodeEncryption", "strictMode.egress.enabled", "strictMode.ingress.enabled"];
  const off = switches.map((name) => `encryption.${name}=false`);
  await writeFile(join(dir, "10-cilium.yaml"), await renderCilium(...off));
  await cp(join(imageDir, "manifests/coredns.yaml"), join(dir, "30-coredns.yaml"));
}

/** Upstream's chart with our values, and these set otherwise. */
async function renderCilium(...overrides: readonly string[]): Promise<string> {
  const helm = join(await buildComponent(components.helm), "helm");
  const values = join(imageDir, "manifests/cilium-values.yaml");
  const set = overrides.flatMap((override) => ["--set", override]);
  const args = ["template", "cilium", await ciliumChart(), "--namespace", "kube-system", "--values", values, ...set];
  return withPatientOperator(await run(helm, [...args, "--kube-version", KUBERNETES_VERSION]));
}

/** Folder of Cilium's chart, in the sources that its programs are built from. */
export async function ciliumChart(): Promise<string> {
  const module = `github.com/cilium/cilium@v${CILIUM_VERSION}`;
  return join(await moduleDir(components.cilium, module), "install/kubernetes/cilium");
}

/** The operator's liveness probe, which the chart has no value for: three seconds are too few on a busy node. */
export function withPatientOperator(manifest: string): string {
  const documents = parseAllDocuments(manifest);
  const probe = ["spec", "template", "spec", "containers", 0, "livenessProbe"];
  const operator = documents.find((document) => document.getIn(["kind"]) === "Deployment" && document.hasIn(probe));
  if (operator === undefined)
    throw new BuildError("input_missing", "Patch Cilium's manifest failed: no operator found");
  operator.setIn([...probe, "timeoutSeconds"], 30);
  operator.setIn([...probe, "failureThreshold"], 20);
  return documents.map(String).join("");
}
