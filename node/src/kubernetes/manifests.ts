import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TimingProfile } from "@constellation/cluster-state";
import { parseAllDocuments } from "yaml";
import { NodeError } from "../errors.ts";
import type { KubeObject } from "./apply.ts";
import { clusterDnsAddress, keyServiceAddress } from "./kubelet-config.ts";
import { timingOf } from "./timing.ts";

/** Decisions of the cluster's creation that the measured manifests leave open. */
export interface ManifestSettings {
  readonly serviceCidr: string;
  readonly timingProfile: TimingProfile;
}

/**
 * Reads all measured manifests, in the order of their names.
 * @throws NodeError `kubernetes` for a text that is not a list of objects, or names a setting that there is not
 */
export async function readManifests(directory: string, settings: ManifestSettings): Promise<KubeObject[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml")).sort();
  const objects: KubeObject[] = [];
  for (const name of names) {
    const text = await readFile(join(directory, name), "utf8");
    objects.push(...parseObjects(name, fillIn(name, text, settings)));
  }
  return objects;
}

function fillIn(file: string, text: string, { serviceCidr, timingProfile }: ManifestSettings): string {
  const values = new Map([
    ["CLUSTER_DNS", clusterDnsAddress(serviceCidr)],
    ["KEY_SERVICE", keyServiceAddress(serviceCidr)],
    ["CILIUM_AGENT_CPU", timingOf(timingProfile).ciliumAgentCpu],
  ]);
  return text.replaceAll(/@@([A-Z_]+)@@/g, (_, name: string) => {
    const value = values.get(name);
    if (value !== undefined) return value;
    const wanted = [...values.keys()].join(" or ");
    throw new NodeError("kubernetes", `Read manifest "${file}" failed: got setting "${name}", wanted ${wanted}`);
  });
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
