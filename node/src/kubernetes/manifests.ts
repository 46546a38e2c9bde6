import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { clusterDnsAddress } from "./kubelet-config.ts";

/** What the measured manifests leave open: the one address that depends on the cluster's service range. */
const CLUSTER_DNS = "@@CLUSTER_DNS@@";

/** Reads all measured manifests, in the order of their names, as one text of YAML documents. */
export async function readManifests(directory: string, serviceCidr: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
  return texts.join("\n---\n").replaceAll(CLUSTER_DNS, clusterDnsAddress(serviceCidr));
}
