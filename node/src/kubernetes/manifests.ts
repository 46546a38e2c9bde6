import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { NodeError } from "../errors.ts";
import type { KubeObject } from "./apply.ts";
import { clusterDnsAddress } from "./kubelet-config.ts";

/** What the measured manifests leave open: the one address that depends on the cluster's service range. */
const CLUSTER_DNS = "@@CLUSTER_DNS@@";

/**
 * Reads all measured manifests, in the order of their names.
 * @throws NodeError `kubernetes` for a text that is not a list of objects
 */
export async function readManifests(directory: string, serviceCidr: string): Promise<KubeObject[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  const objects: KubeObject[] = [];
  for (const name of names) {
    const text = (await readFile(join(directory, name), "utf8")).replaceAll(
      CLUSTER_DNS,
      clusterDnsAddress(serviceCidr),
    );
    objects.push(...parseObjects(name, text));
  }
  return objects;
}

function parseObjects(name: string, text: string): KubeObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new NodeError("kubernetes", `Read manifest "${name}" failed`, { cause: error });
    const value: unknown = document.toJS();
    if (value === null) return [];
    if (isObject(value)) return [value];
    throw new NodeError("kubernetes", `Read manifest "${name}" failed: got a document that is no Kubernetes object`);
  });
}

function isObject(value: unknown): value is KubeObject {
  const { apiVersion, kind, metadata } = (value ?? {}) as Partial<KubeObject>;
  return typeof apiVersion === "string" && typeof kind === "string" && typeof metadata?.name === "string";
}
