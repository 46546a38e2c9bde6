import type { Finding } from "../finding.ts";
import { showValue } from "../finding.ts";
import { CLUSTER_PCR, REQUIRED_PCRS } from "../measurements.ts";
import type { SectionName } from "./sections.ts";
import { SECTION_NAMES } from "./variants.ts";

type Tree = Readonly<Record<string, unknown>>;

/** Which registers a section states. */
interface Registers {
  readonly required: readonly number[];
  /** The one that the cluster's ID is put into. */
  readonly cluster: number;
  readonly lengthBytes: number;
}

const PCRS_SHA256: Registers = { required: REQUIRED_PCRS, cluster: CLUSTER_PCR, lengthBytes: 32 };
const PCRS_SHA384: Registers = { ...PCRS_SHA256, lengthBytes: 48 };
/** RTMR0 is of the firmware's settings; kernel, command line and initrd are in the two after it. */
const RTMRS: Registers = { required: [1, 2], cluster: 3, lengthBytes: 48 };

const REGISTERS: Readonly<Record<SectionName, Registers | undefined>> = {
  awsSEVSNP: PCRS_SHA384,
  awsNitroTPM: PCRS_SHA384,
  azureSEVSNP: PCRS_SHA256,
  azureTDX: PCRS_SHA256,
  azureTrustedLaunch: PCRS_SHA256,
  gcpSEVES: PCRS_SHA256,
  gcpSEVSNP: PCRS_SHA256,
  gcpTDX: PCRS_SHA256,
  qemuSEVSNP: undefined,
  qemuTDX: RTMRS,
  qemuVTPM: PCRS_SHA256,
};

/**
 * On these the launch measurement is the only one of firmware: on SEV-SNP of kernel and image, too, and on Azure's TDX of
 * the paravisor, whose word the TPM's registers are.
 */
const LAUNCH_MEASURED: readonly SectionName[] = ["azureTDX", "qemuSEVSNP", "qemuTDX"];

/**
 * Rules between fields of `attestation`. They read the document as written and skip what has the wrong type, so that
 * they report beside the schema's findings.
 */
export function attestationRules(attestation: Tree): Finding[] {
  const stated = SECTION_NAMES.filter((name) => attestation[name] !== undefined);
  return [
    ...sectionRule(attestation, stated),
    ...stated.flatMap((name) => measurementRules(name, tree(attestation[name]))),
    ...stated.flatMap((name) => launchRule(name, tree(attestation[name]))),
  ];
}

function sectionRule(attestation: Tree, stated: readonly SectionName[]): Finding[] {
  const unknown = Object.keys(attestation).length > stated.length;
  if (stated.length === 1 || (stated.length === 0 && unknown)) return [];
  const got = stated.length === 0 ? "no section" : `sections ${stated.join(" and ")}`;
  return [{ path: "attestation", got, wanted: `exactly one of ${SECTION_NAMES.join(", ")}` }];
}

function measurementRules(name: SectionName, section: Tree): Finding[] {
  const registers = REGISTERS[name];
  if (registers === undefined || !isTree(section["measurements"])) return [];
  const measurements = section["measurements"];
  const base = `attestation.${name}.measurements`;
  const findings: Finding[] = registers.required
    .filter((index) => measurements[index] === undefined)
    .map((index) => ({
      path: `${base}.${index}`,
      got: "nothing",
      wanted: "the expected value of this register: it covers the node image",
    }));
  return [
    ...findings,
    ...clusterRules(`${base}.${registers.cluster}`, tree(measurements[registers.cluster]), registers),
  ];
}

function clusterRules(path: string, cluster: Tree, { lengthBytes }: Registers): Finding[] {
  const { expected, warnOnly } = cluster;
  const digits = lengthBytes * 2;
  const wanted = `${digits} zeros: the register is empty on a fresh node, and the cluster ID is put in by the cluster itself`;
  const isWrong = typeof expected === "string" && expected !== "0".repeat(digits);
  return [
    ...(isWrong ? [{ path: `${path}.expected`, got: showValue(expected), wanted }] : []),
    ...(warnOnly === true
      ? [
          {
            path: `${path}.warnOnly`,
            got: "true",
            wanted: "false: this register tells a fresh node from one of another cluster",
          },
        ]
      : []),
  ];
}

function launchRule(name: SectionName, section: Tree): Finding[] {
  const list = section["launchMeasurements"] ?? [];
  if (!LAUNCH_MEASURED.includes(name) || !Array.isArray(list) || list.length > 0) return [];
  const got = section["launchMeasurements"] === undefined ? "nothing" : "[]";
  return [
    {
      path: `attestation.${name}.launchMeasurements`,
      got,
      wanted: "at least one launch measurement: nothing else vouches for the machine's firmware",
    },
  ];
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tree(value: unknown): Tree {
  return isTree(value) ? value : {};
}
