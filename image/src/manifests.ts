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
  const chart = join(
    await moduleDir("cilium", `github.com/cilium/cilium@v${CILIUM_VERSION}`),
    "install/kubernetes/cilium",
  );
  const helm = join(await buildComponent(components.helm), "helm");
  const values = join(imageDir, "manifests/cilium-values.yaml");
  const args = ["template", "cilium", chart, "--namespace", "kube-system", "--values", values];
  const rendered = await run(helm, [...args, "--kube-version", KUBERNETES_VERSION]);
  await writeFile(join(dir, "10-cilium.yaml"), withPatientOperator(rendered));
  await cp(join(imageDir, "manifests/constellation.yaml"), join(dir, "20-constellation.yaml"));
  await cp(join(imageDir, "manifests/coredns.yaml"), join(dir, "30-coredns.yaml"));
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
