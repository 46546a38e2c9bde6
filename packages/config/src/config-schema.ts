import { isCredentialName } from "@constellation/kms/root";
import type { z } from "zod";
import { type SectionName, SECTIONS } from "./attestation/sections.ts";
import { isHostName, isHttpUrl, isIpv4Cidr } from "./formats.ts";
import { choice, fields, flag, listOf, mapOf, text, wholeNumber } from "./schema.ts";
import { CONFIG_VERSION, RELEASE_VERSION, SUPPORTED_KUBERNETES_VERSIONS } from "./constants.ts";

const nodeGroup = fields({
  role: choice(["control-plane", "worker"]),
  zone: text("an empty string: provider qemu has no zones", isEmpty).default(""),
  instanceType: text("an empty string: provider qemu takes vcpus and memory from provider.qemu", isEmpty).default(""),
  stateDiskSizeGB: wholeNumber(4, 4096, "gigabytes").default(10),
  stateDiskType: text("an empty string: provider qemu has one type of disk", isEmpty).default(""),
  initialCount: wholeNumber(0, 100),
});

const qemu = fields({
  vcpus: wholeNumber(2, 256).default(2),
  memory: wholeNumber(2048, 1_048_576, "MiB").default(4096),
  imageFormat: choice(["raw"]).default("raw"),
  accel: choice(["auto", "kvm", "tcg"]).default("auto"),
  throwawayDisks: flag().default(false),
});

/** Schema of `constellation-conf.yaml`, version 4. Rules between fields stand in config-rules.ts. */
export const configSchema = fields({
  version: choice([CONFIG_VERSION]),
  image: text("the path of a node image, ending in .raw", (value) => value.endsWith(".raw") && !value.includes("\0")),
  name: text(
    "1 to 37 lower-case letters, digits and dashes, with a letter first and no dash last",
    (value) => value.length <= 37 && /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(value),
  ),
  kubernetesVersion: choice(SUPPORTED_KUBERNETES_VERSIONS),
  microserviceVersion: choice([RELEASE_VERSION]),
  debugCluster: flag(),
  customEndpoint: text("a host name after RFC 1123, or empty", (value) => value === "" || isHostName(value)).default(
    "",
  ),
  internalLoadBalancer: flag().default(false),
  serviceCIDR: text("an IPv4 network such as 10.96.0.0/12", isIpv4Cidr).default("10.96.0.0/12"),
  tags: mapOf("a tag name that is not empty", (key) => key !== "", text("a string"), "a mapping of tags").default({}),
  registryMirrors: mapOf(
    'a registry host as in image names, for example "docker.io", or "_default"',
    (key) => key === "_default" || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/.test(key),
    listOf(text("an http or https URL", isHttpUrl), "a list of URLs").refine(
      (list) => list.length > 0,
      "a list with at least one URL",
    ),
    "a mapping from registry to a list of URLs",
  ).default({}),
  keyManagement: fields({
    kms: text('the URI of a KMS, "kms://<kind>?<fields>"', (value) => value.startsWith("kms://")),
    storage: text(
      'the URI of a store, "storage://<kind>?<fields>", or empty',
      (value) => value === "" || value.startsWith("storage://"),
    ).default(""),
    credentials: mapOf(
      "a name of letters, digits and single . _ -",
      isCredentialName,
      text("the path of a file", (value) => value !== "" && !value.includes("\0")),
      "a mapping from name to the path of a file",
    ).default({}),
  }).optional(),
  provider: fields({ qemu }),
  nodeGroups: mapOf(
    "a node group name of lower-case letters, digits and underscores",
    (key) => /^[a-z][a-z0-9_]*$/.test(key),
    nodeGroup,
    "a mapping from node group name to node group",
  ),
  attestation: fields(mapOptional(SECTIONS)),
});

/** The configuration of a cluster, checked and with defaults filled in. */
export type Config = Readonly<z.output<typeof configSchema>>;

/** One group of like nodes. */
export type NodeGroup = Config["nodeGroups"][string];

type OptionalSections = { [Name in SectionName]: z.ZodOptional<(typeof SECTIONS)[Name]> };

/** A configuration has one section; which of them is for the rules between fields. */
function mapOptional(sections: typeof SECTIONS): OptionalSections {
  const entries = Object.entries(sections).map(([name, section]) => [name, section.optional()]);
  return Object.fromEntries(entries) as OptionalSections;
}

function isEmpty(value: string): boolean {
  return value === "";
}
