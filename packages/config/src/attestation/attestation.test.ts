import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkPolicy, parsePolicy, serializePolicy } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { AMD_ROOTS } from "@constellation/vendor-roots";
import { ConfigError } from "../errors.ts";
import { MEASUREMENTS, postInitState } from "../fixtures.ts";
import { generateQemuConfig } from "../generate-config.ts";
import { parseConfig } from "../config.ts";
import { attestationPolicy, attestationVariant, FRESH_NODE, statedMeasurements } from "../policy.ts";
import { recordedNodes } from "../recorded-nodes.ts";
import { withState } from "../state.ts";
import { configFor, configTextFor } from "../testing/index.ts";
import { ATTESTATION_VARIANTS, type AttestationVariant } from "./variants.ts";

const SHA384 = "ab".repeat(48);
const PCRS_SHA384 = { 4: value(SHA384), 11: value(SHA384), 12: value(SHA384), 13: value(SHA384) };

/** What a user fills in, by variant. */
const FILLED: Readonly<Record<AttestationVariant, Readonly<Record<string, unknown>>>> = {
  "aws-nitro-tpm": { measurements: PCRS_SHA384 },
  "aws-sev-snp": { measurements: PCRS_SHA384 },
  "azure-sev-snp": {},
  "azure-tdx": { launchMeasurements: [SHA384] },
  "azure-trustedlaunch": { tpmRootKeys: [AMD_ROOTS.Milan] },
  "gcp-sev-es": {},
  "gcp-sev-snp": {},
  "gcp-tdx": {},
  "qemu-sev-snp": { launchMeasurements: [SHA384] },
  "qemu-tdx": { launchMeasurements: [SHA384], measurements: { 1: value(SHA384), 2: value(SHA384) } },
  "qemu-vtpm": {},
};
/** The fixture's, with a certificate that can be read. */
const STATE = withState(postInitState(), {
  infrastructure: {
    qemu: { endorsementCA: AMD_ROOTS.Milan, accel: "", nodes: recordedNodes(postInitState()).slice() },
  },
});
const VARIANTS = Object.keys(FILLED) as AttestationVariant[];

function value(expected: string) {
  return { expected, warnOnly: false };
}

function findings(text: string): string[] {
  try {
    parseConfig(text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.findings.map(({ path, got, wanted }) => `${path}: got ${got}, wanted ${wanted}`);
  }
  return [];
}

function policyText(name: AttestationVariant, section: Readonly<Record<string, unknown>> = FILLED[name]): string {
  const config = configFor(name, section);
  return serializePolicy(attestationPolicy(config, STATE, { members: FRESH_NODE, admit: "all" }));
}

describe("attestationPolicy() of each variant", () => {
  for (const name of VARIANTS) {
    test(`${name}: is total, of that variant, and comes back from its document`, () => {
      const text = policyText(name);
      const policy = parsePolicy(text);
      assert.equal(policy.variant, ATTESTATION_VARIANTS[name].variant);
      assert.equal(attestationVariant(configFor(name, FILLED[name])), name);
      assert.deepEqual(checkPolicy(JSON.parse(text)), policy);
      assert.ok(!text.includes('"reason":""'));
    });

    test(`${name}: admits recorded machines of the role asked for`, () => {
      const config = configFor(name, FILLED[name]);
      const digests = (admit: "all" | "control-planes"): unknown => {
        const policy = attestationPolicy(config, postInitState(), { members: FRESH_NODE, admit });
        return policy.variant === "qemu-vtpm" ? policy.endorsements : policy.machines;
      };
      const [first, second] = ["a".repeat(64), "b".repeat(64)];
      const wanted = (...list: string[]): unknown =>
        name === "qemu-vtpm"
          ? { kind: "anyOf", ekDigests: list }
          : { kind: "anyOf", digests: list.map((digest) => fromHex(digest)) };
      assert.deepEqual(digests("all"), wanted(first, second));
      assert.deepEqual(digests("control-planes"), wanted(first));
    });

    test(`${name}: refuses debug where the hardware tells of it`, () => {
      const policy = parsePolicy(policyText(name));
      const no = { kind: "equal", anyOf: [false] };
      const text = JSON.stringify(policy);
      if ("sevSnp" in policy) assert.deepEqual(policy.sevSnp.report.policy.debug, no);
      if ("tdx" in policy) assert.deepEqual(policy.tdx.quote.TDATTRIBUTES.DEBUG, no);
      if ("nitroTpm" in policy) assert.deepEqual(policy.nitroTpm.document.debug, no);
      if (policy.variant === "azure-sev-snp") assert.deepEqual(policy.azure.sevSnp.report.policy.debug, no);
      if (policy.variant === "azure-tdx") assert.deepEqual(policy.azure.tdx.quote.TDATTRIBUTES.DEBUG, no);
      assert.ok(text.length > 100);
    });
  }

  test("takes the cluster's register from the purpose, by the hash of the variant", () => {
    const members = [new Uint8Array(32).fill(7)];
    for (const name of VARIANTS) {
      const config = configFor(name, FILLED[name]);
      const policy = attestationPolicy(config, postInitState(), { members, admit: "all" });
      const fresh = attestationPolicy(config, postInitState(), { members: FRESH_NODE, admit: "all" });
      assert.equal(serializePolicy(policy) !== serializePolicy(fresh), name !== "qemu-sev-snp", name);
    }
  });

  test("leaves a register open that is warnOnly, and says why", () => {
    const measurements = { ...PCRS_SHA384, 4: { expected: SHA384, warnOnly: true } };
    const policy = parsePolicy(policyText("aws-nitro-tpm", { measurements }));
    assert.ok(policy.variant === "aws-nitro-tpm");
    assert.deepEqual(policy.nitroTpm.document.pcrs.get(4), { kind: "any", reason: "warnOnly in the configuration" });
  });

  test("takes the least age of CRLs from the section, or says that it is not there", () => {
    const revocation = (section: Readonly<Record<string, unknown>>) => {
      const policy = parsePolicy(policyText("qemu-sev-snp", { ...FILLED["qemu-sev-snp"], ...section }));
      assert.ok(policy.variant === "sev-snp");
      return policy.sevSnp.revocation;
    };
    const since = (day: string) => ({ kind: "minimum", value: new Date(day) });
    const open = (field: string) => ({
      kind: "any",
      reason: `${field} is not in the configuration: a list counts until its own nextUpdate`,
    });
    assert.deepEqual(revocation({}), { kind: "required", thisUpdate: open("minimumCrlDate") });
    const dated = { minimumCrlDate: "2026-01-31" };
    assert.deepEqual(revocation(dated), { kind: "required", thisUpdate: since("2026-01-31") });
    const collateral = (section: Readonly<Record<string, unknown>>) => {
      const policy = parsePolicy(policyText("qemu-tdx", { ...FILLED["qemu-tdx"], ...section }));
      assert.ok(policy.variant === "tdx");
      return policy.tdx.collateral;
    };
    const [rootCaCrl, pckCrl] = [open("minimumRootCaCrlDate"), open("minimumPckCrlDate")];
    const bounds = (thisUpdate: object) => ({ kind: "required", thisUpdate });
    assert.deepEqual(collateral({}), bounds({ rootCaCrl, pckCrl }));
    assert.deepEqual(
      collateral({ minimumRootCaCrlDate: "2026-01-01" }),
      bounds({ rootCaCrl: since("2026-01-01"), pckCrl }),
    );
    assert.deepEqual(
      collateral({ minimumPckCrlDate: "2026-01-02" }),
      bounds({ rootCaCrl, pckCrl: since("2026-01-02") }),
    );
  });

  test("statedMeasurements() are those of the section, or none", () => {
    assert.deepEqual(statedMeasurements(configFor("qemu-sev-snp", FILLED["qemu-sev-snp"])), {});
    assert.equal(statedMeasurements(configFor("gcp-tdx"))["4"]?.expected, MEASUREMENTS[4]);
  });
});

// The variant, fields of its section, and the start of the one finding that follows.
const WRONG: readonly [AttestationVariant, Readonly<Record<string, unknown>>, string][] = [
  [
    "aws-sev-snp",
    { ...FILLED["aws-sev-snp"], snpVersion: "latest" },
    'attestation.awsSEVSNP.snpVersion: got "latest", wanted a whole number from 0 to 255',
  ],
  [
    "aws-sev-snp",
    { ...FILLED["aws-sev-snp"], microcodeVersion: 256 },
    "attestation.awsSEVSNP.microcodeVersion: got 256, wanted a whole number from 0 to 255",
  ],
  [
    "aws-sev-snp",
    { measurements: { ...PCRS_SHA384, 4: value("ab".repeat(32)) } },
    'attestation.awsSEVSNP.measurements.4.expected: got "abab',
  ],
  [
    "aws-nitro-tpm",
    { measurements: { ...PCRS_SHA384, 15: value(SHA384) } },
    'attestation.awsNitroTPM.measurements.15.expected: got "abab',
  ],
  [
    "gcp-sev-snp",
    { product: "Naples" },
    'attestation.gcpSEVSNP.product: got "Naples", wanted one of "Milan", "Genoa", "Turin"',
  ],
  [
    "gcp-sev-snp",
    { amdRootKey: "no PEM" },
    'attestation.gcpSEVSNP.amdRootKey: got "no PEM", wanted a certificate in PEM',
  ],
  [
    "gcp-sev-snp",
    { requireRevocationList: "yes" },
    'attestation.gcpSEVSNP.requireRevocationList: got "yes", wanted true or false',
  ],
  [
    "gcp-sev-snp",
    { launchMeasurements: ["00"] },
    'attestation.gcpSEVSNP.launchMeasurements[0]: got "00", wanted 96 hexadecimal digits',
  ],
  ["gcp-sev-es", { tpmRootKeys: ["x"] }, 'attestation.gcpSEVES.tpmRootKeys[0]: got "x", wanted a certificate in PEM'],
  [
    "azure-trustedlaunch",
    { tpmRootKeys: [] },
    "attestation.azureTrustedLaunch.tpmRootKeys: got [], wanted a list with at least one",
  ],
  [
    "azure-sev-snp",
    { firmwareSignerConfig: { enforcementPolicy: "maaFallback" } },
    'attestation.azureSEVSNP.firmwareSignerConfig.enforcementPolicy: got "maaFallback", wanted one of "equal", "warnOnly"',
  ],
  [
    "azure-sev-snp",
    { firmwareSignerConfig: { acceptedKeyDigests: ["ab"] } },
    'attestation.azureSEVSNP.firmwareSignerConfig.acceptedKeyDigests[0]: got "ab", wanted 96 hex',
  ],
  [
    "gcp-sev-snp",
    { minimumCrlDate: "2026-02-30" },
    'attestation.gcpSEVSNP.minimumCrlDate: got "2026-02-30", wanted a date in quotes',
  ],
  [
    "gcp-tdx",
    { minimumRootCaCrlDate: "2026-1-1" },
    'attestation.gcpTDX.minimumRootCaCrlDate: got "2026-1-1", wanted a date in quotes',
  ],
  ["gcp-tdx", { minimumPckCrlDate: 2026 }, "attestation.gcpTDX.minimumPckCrlDate: got 2026, wanted a date in quotes"],
  [
    "azure-tdx",
    { launchMeasurements: [] },
    "attestation.azureTDX.launchMeasurements: got [], wanted at least one launch measurement",
  ],
  [
    "azure-tdx",
    { ...FILLED["azure-tdx"], mrSeam: "ab" },
    'attestation.azureTDX.mrSeam: got "ab", wanted 96 hexadecimal digits',
  ],
  [
    "azure-tdx",
    { ...FILLED["azure-tdx"], xfam: "e7" },
    'attestation.azureTDX.xfam: got "e7", wanted 16 hexadecimal digits',
  ],
  [
    "azure-tdx",
    { ...FILLED["azure-tdx"], acceptedTcbStatuses: [] },
    "attestation.azureTDX.acceptedTcbStatuses: got [], wanted a list with at least one",
  ],
  [
    "azure-tdx",
    { ...FILLED["azure-tdx"], acceptedTcbStatuses: ["Revoked"] },
    'attestation.azureTDX.acceptedTcbStatuses[0]: got "Revoked", wanted one of "UpToDate"',
  ],
  [
    "azure-tdx",
    { ...FILLED["azure-tdx"], intelRootKey: 7 },
    "attestation.azureTDX.intelRootKey: got 7, wanted a certificate in PEM",
  ],
  [
    "gcp-tdx",
    { minimumTcbEvaluationDataNumber: -1 },
    "attestation.gcpTDX.minimumTcbEvaluationDataNumber: got -1, wanted a whole number",
  ],
  [
    "qemu-tdx",
    { ...FILLED["qemu-tdx"], measurements: { 1: value(SHA384) } },
    "attestation.qemuTDX.measurements.2: got nothing",
  ],
  [
    "qemu-tdx",
    { ...FILLED["qemu-tdx"], measurements: { 1: value(SHA384), 2: value(SHA384), 4: value(SHA384) } },
    'attestation.qemuTDX.measurements.4: got the key "4", wanted an RTMR index',
  ],
  [
    "qemu-sev-snp",
    { launchMeasurements: [] },
    "attestation.qemuSEVSNP.launchMeasurements: got [], wanted at least one launch measurement",
  ],
  [
    "qemu-sev-snp",
    { ...FILLED["qemu-sev-snp"], measurements: {} },
    "attestation.qemuSEVSNP.measurements: got {}, wanted no field of this name",
  ],
];

describe("parseConfig()", () => {
  for (const [name, section, wanted] of WRONG) {
    test(`refuses ${wanted.slice(0, 110)}`, () => {
      const found = findings(configTextFor(name, section));
      assert.equal(found.length, 1, found.join("\n"));
      assert.ok(found[0]?.startsWith(wanted), found[0]);
    });
  }

  test("refuses a configuration without a section, with two, or with an unknown one", () => {
    const text = configTextFor("qemu-vtpm");
    const attestation = text.indexOf("attestation:\n");
    const none = findings(`${text.slice(0, attestation)}attestation: {}\n`);
    assert.match(none.join(), /^attestation: got no section, wanted exactly one of awsNitroTPM, /);
    const two = findings(`${text}  awsNitroTPM:\n    measurements: ${JSON.stringify(PCRS_SHA384)}\n`);
    assert.match(two.join(), /^attestation: got sections awsNitroTPM and qemuVTPM, wanted exactly one of /);
    const unknown = findings(`${text.slice(0, attestation)}attestation: {maa: {}}\n`);
    assert.match(unknown.join(), /^attestation\.maa: got {}, wanted no field of this name/);
  });

  test("refuses the placeholders of what was generated, and names each", () => {
    const generate = (attestation: AttestationVariant): string =>
      generateQemuConfig({ image: "x.raw", measurements: MEASUREMENTS, attestation });
    const paths = (name: AttestationVariant): string[] =>
      findings(generate(name)).map((text) => text.slice(0, text.indexOf(":")).replace("attestation.", ""));
    const svns = (section: string) =>
      ["bootloader", "tee", "snp", "microcode"].map((part) => `${section}.${part}Version`);
    assert.deepEqual(paths("gcp-sev-es"), []);
    assert.deepEqual(paths("gcp-sev-snp"), svns("gcpSEVSNP"));
    assert.deepEqual(paths("qemu-sev-snp"), [...svns("qemuSEVSNP"), "qemuSEVSNP.launchMeasurements[0]"]);
    const registers = ["4", "11", "12", "13"].map((index) => `awsNitroTPM.measurements.${index}.expected`);
    assert.deepEqual(paths("aws-nitro-tpm"), registers);
    assert.deepEqual(paths("azure-tdx"), ["azureTDX.launchMeasurements[0]"]);
    assert.deepEqual(paths("azure-trustedlaunch"), ["azureTrustedLaunch.tpmRootKeys"]);
  });
});
