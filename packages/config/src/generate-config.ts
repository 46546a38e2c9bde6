import { Document, isMap, isScalar, type Pair, visit } from "yaml";
import { parseConfig } from "./config.ts";
import type { Config } from "./config-schema.ts";
import { fieldComment } from "./field-comments.ts";
import { attestationSection, measurementEntries } from "./attestation/generate-section.ts";
import type { AttestationVariant } from "./attestation/variants.ts";
import type { ImageMeasurements } from "./measurements.ts";
import { attestationVariant, statedMeasurements } from "./policy.ts";
import { CONFIG_VERSION, RELEASE_VERSION, SUPPORTED_KUBERNETES_VERSIONS } from "./constants.ts";
import { parseStrictYaml } from "./yaml-document.ts";

/** What a generated configuration is made from. */
export interface ConfigOptions {
  /** Path of the node image as it is to stand in the file. */
  readonly image: string;
  readonly measurements: ImageMeasurements;
  readonly name?: string;
  readonly kubernetesVersion?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly registryMirrors?: Readonly<Record<string, readonly string[]>>;
  readonly controlPlaneCount?: number;
  readonly workerCount?: number;
  readonly stateDiskSizeGB?: number;
  readonly vcpus?: number;
  readonly memoryMiB?: number;
  readonly throwawayDisks?: boolean;
  /** Whether the image is a debug image. */
  readonly debugCluster?: boolean;
  /** Which evidence nodes must give; `qemu-vtpm` where nothing is said. */
  readonly attestation?: AttestationVariant;
}

/**
 * Writes a configuration for provider qemu, with a comment at each field. On other variants than `qemu-vtpm` it has
 * placeholders, which `parseConfig` refuses, for what neither image nor this program knows.
 *
 * @throws ConfigError `invalid-fields` if an option has a value that the configuration does not allow
 */
export function generateQemuConfig(options: ConfigOptions): string {
  const document = new Document({
    version: CONFIG_VERSION,
    image: options.image,
    name: options.name ?? "constell",
    kubernetesVersion: options.kubernetesVersion ?? SUPPORTED_KUBERNETES_VERSIONS[0],
    microserviceVersion: RELEASE_VERSION,
    debugCluster: options.debugCluster ?? false,
    customEndpoint: "",
    internalLoadBalancer: false,
    serviceCIDR: "10.96.0.0/12",
    tags: options.tags ?? {},
    registryMirrors: options.registryMirrors ?? {},
    provider: {
      qemu: {
        vcpus: options.vcpus ?? 2,
        memory: options.memoryMiB ?? 4096,
        imageFormat: "raw",
        accel: "auto",
        throwawayDisks: options.throwawayDisks ?? false,
      },
    },
    nodeGroups: {
      control_plane_default: nodeGroup("control-plane", options.controlPlaneCount ?? 3, options.stateDiskSizeGB ?? 10),
      worker_default: nodeGroup("worker", options.workerCount ?? 1, options.stateDiskSizeGB ?? 10),
    },
    attestation: attestationSection(options.attestation ?? "qemu-vtpm", options.measurements),
  });
  addComments(document);
  quoteMeasurements(document);
  const yaml = document.toString({ lineWidth: 0 });
  if ((options.attestation ?? "qemu-vtpm") === "qemu-vtpm") parseConfig(yaml);
  return yaml;
}

/**
 * Replaces the expected measurements of a configuration and keeps everything else, comments and `warnOnly` included.
 * Registers that the image does not predict lose their entry.
 */
export function updateMeasurements(yaml: string, measurements: ImageMeasurements): string {
  const config = parseConfig(yaml);
  const document: Document = parseStrictYaml(yaml, "the configuration").document;
  if (attestationVariant(config) !== "qemu-vtpm") return yaml;
  const path = ["attestation", "qemuVTPM", "measurements"];
  const node = document.getIn(path);
  const existing = isMap(node) ? node.items : [];
  const entries = measurementEntries(measurements);
  const surplus = existing.filter((pair) => entries[Number(keyText(pair))] === undefined);
  for (const pair of surplus) document.deleteIn([...path, pair.key]);
  for (const [index, entry] of Object.entries(entries)) {
    const before = existing.find((pair) => keyText(pair) === index);
    const warnOnly = statedMeasurements(config)[index]?.warnOnly ?? entry.warnOnly;
    if (before === undefined) document.setIn([...path, Number(index)], document.createNode({ ...entry, warnOnly }));
    else document.setIn([...path, before.key, "expected"], entry.expected);
  }
  if (isMap(node)) node.items.sort((a, b) => Number(keyText(a)) - Number(keyText(b)));
  quoteMeasurements(document);
  const updated = document.toString({ lineWidth: 0 });
  parseConfig(updated);
  return updated;
}

/** Registers whose expected value in the configuration is not the one of the image, in order. */
export function staleMeasurements(config: Config, measurements: ImageMeasurements): number[] {
  // What the image predicts are the registers of a local machine's TPM.
  if (attestationVariant(config) !== "qemu-vtpm") return [];
  const stated = statedMeasurements(config);
  const entries = measurementEntries(measurements);
  const indices = new Set([...Object.keys(stated), ...Object.keys(entries)].map(Number));
  return [...indices].filter((index) => stated[index]?.expected !== entries[index]?.expected).sort((a, b) => a - b);
}

function nodeGroup(role: string, initialCount: number, stateDiskSizeGB: number) {
  return { role, zone: "", instanceType: "", stateDiskSizeGB, stateDiskType: "", initialCount };
}

/** Without quotes, a measurement of digits alone would be a number to the next reader. */
function quoteMeasurements(document: Document): void {
  visit(document, {
    Pair(_, pair) {
      if (keyText(pair) === "expected" && isScalar(pair.value)) pair.value.type = "QUOTE_DOUBLE";
    },
  });
}

function addComments(document: Document): void {
  visit(document, {
    Pair(_, pair, ancestors) {
      const path = [...ancestors.filter((node) => "key" in node), pair].map((node) => keyText(node as Pair));
      const comment = fieldComment(path);
      if (comment === undefined || !isScalar(pair.key)) return;
      pair.key.commentBefore = ` ${comment}`;
      if (path.length === 1 && path[0] !== "version") pair.key.spaceBefore = true;
    },
  });
}

function keyText(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}
