import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { reportFields, writeReport } from "@constellation/sev-snp/testing";
import { createFakeTpmCa } from "@constellation/testkit/fake-tpm";
import { serializePublic, tpmPublicToSpki } from "@constellation/tpm2";
import {
  clusterIdDigest,
  clusterIdPcr,
  clusterRegisterOf,
  freshRegister,
  memberRegister,
} from "../cluster-register.ts";
import { machineClaims } from "./machine.ts";
import { validateMachine } from "./machines.ts";
import { PLATFORM_VARIANTS, type PlatformEvidence } from "./variants.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");
const SEV_SNP = { endorsementCert: new Uint8Array(), caChain: [], crls: [] };
const QUOTE = { quote: new Uint8Array(), signature: new Uint8Array(), eventLog: undefined };
const DIGEST = new Uint8Array(32).fill(1);
const CLUSTER_ID = new Uint8Array(32).fill(7);
/** SHA-384(48 zeros, SHA-384(32 times 07)), by Python's hashlib. */
const MEMBER_RTMR = "6047fab9739503c7e68048dec8a67a66ec5a7314a95884bf63d9d64e53904bf1669610d5e4b3dca44775160f33f8fe4d";

describe("validateMachine()", () => {
  const codeOf = (...input: Parameters<typeof validateMachine>): string => {
    const done = validateMachine(...input);
    return done.outcome === "fail" ? done.code : done.outcome;
  };

  test("accepts a machine of the list, and no other", () => {
    const policy = { kind: "anyOf", digests: [new Uint8Array(32), DIGEST] } as const;
    assert.equal(codeOf(DIGEST, policy), "pass");
    assert.equal(codeOf(new Uint8Array(32).fill(2), policy), "machine_not_allowed");
  });

  test("accepts nobody by an empty list, and no machine that is not known by anything", () => {
    assert.equal(codeOf(DIGEST, { kind: "anyOf", digests: [] }), "machine_not_allowed");
    assert.equal(codeOf(undefined, { kind: "anyOf", digests: [DIGEST] }), "machine_unknown");
  });

  test("tells that any machine is accepted by choice", () => {
    assert.equal(codeOf(undefined, { kind: "any", reason: "test" }), "accepted-by-choice");
  });

  test("says which machine it got and which it wanted", () => {
    const shown = (...input: Parameters<typeof validateMachine>) => {
      const { got, wanted } = validateMachine(...input);
      return [got, wanted];
    };
    const [one, other] = [DIGEST, new Uint8Array(32).fill(2)];
    assert.deepEqual(shown(one, { kind: "any", reason: "test" }), [hex(one), "any"]);
    assert.deepEqual(shown(undefined, { kind: "any", reason: "test" }), ["none", "any"]);
    assert.deepEqual(shown(one, { kind: "anyOf", digests: [] }), [hex(one), "none, the list is empty"]);
    assert.deepEqual(shown(undefined, { kind: "anyOf", digests: [one] }), ["none", hex(one)]);
    const both = `${hex(one)} or ${hex(other)}`;
    assert.deepEqual(shown(one, { kind: "anyOf", digests: [one, other] }), [hex(one), both]);
  });
});

describe("machineClaims()", () => {
  test("says nothing of evidence that can't be read", () => {
    const sevSnp = { report: new Uint8Array(3), ...SEV_SNP };
    const nitroTpm = { document: new Uint8Array(3) };
    const unreadable: PlatformEvidence[] = [
      { variant: "sev-snp", sevSnp },
      { variant: "tdx", tdx: { quote: new Uint8Array(3), collateral: undefined, ccel: undefined } },
      { variant: "aws-nitro-tpm", nitroTpm },
      { variant: "aws-sev-snp", sevSnp, nitroTpm },
    ];
    for (const evidence of unreadable) {
      assert.deepEqual(machineClaims(evidence), { machine: undefined, clusterRegister: undefined });
    }
  });

  test("knows a guest of SEV-SNP by HOST_DATA, and zeros are none", () => {
    const machineOf = (hostData: Uint8Array) => {
      const report = writeReport({ ...reportFields("Milan"), hostData });
      return machineClaims({ variant: "sev-snp", sevSnp: { report, ...SEV_SNP } }).machine;
    };
    assert.deepEqual(machineOf(DIGEST), digest("sha256", DIGEST));
    assert.equal(machineOf(new Uint8Array(32)), undefined);
  });

  test("knows a machine by its TPM's key, and its cluster by PCR 15", async () => {
    const { akPublic } = await (await createFakeTpmCa()).createTpm();
    const clusterRegister = new Uint8Array(32).fill(15);
    const vtpm = {
      ...QUOTE,
      akPublic: serializePublic(akPublic),
      akCertificate: { certificate: new Uint8Array(), issuers: [] },
      pcrs: new Map([[15, clusterRegister]]),
    };
    const sevSnp = { report: new Uint8Array(), ...SEV_SNP };
    const tdx = { quote: new Uint8Array(), collateral: undefined, ccel: undefined };
    const machine = digest("sha256", tpmPublicToSpki(akPublic));
    const known: PlatformEvidence[] = [
      { variant: "azure-trusted-launch", vtpm },
      { variant: "gcp-sev-snp", sevSnp, vtpm },
      { variant: "gcp-tdx", tdx, vtpm },
      { variant: "gcp-sev-es", vtpm },
    ];
    for (const evidence of known) assert.deepEqual(machineClaims(evidence), { machine, clusterRegister });
  });

  test("knows a machine of Azure by the key that its paravisor claims, where that is one for quotes", () => {
    const genuine = new Uint8Array(readFileSync(join(VECTORS, "azure/snp-milan-v3-trustee-v1/hcl_report.bin")));
    const text = Buffer.from(genuine).toString("latin1");
    const even = new Uint8Array(Buffer.from(text.replaceAll('"e":"AQAB"', '"e":"AQAA"'), "latin1"));
    const machineOf = (hclReport: Uint8Array) => {
      const azure = { ...QUOTE, ...SEV_SNP, hclReport, pcrs: new Map() };
      return machineClaims({ variant: "azure-sev-snp", azure }).machine;
    };
    assert.equal(machineOf(genuine)?.length, 32);
    assert.equal(machineOf(even), undefined);
  });
});

describe("clusterRegisterOf()", () => {
  test("gives a register to each variant but SEV-SNP without a TPM", () => {
    const without = PLATFORM_VARIANTS.filter((variant) => clusterRegisterOf(variant) === undefined);
    assert.deepEqual(without, ["sev-snp"]);
    assert.deepEqual(clusterRegisterOf("qemu-vtpm"), { kind: "pcr", hash: "sha256" });
  });

  test("memberRegister() extends zeros once, by the register's hash", () => {
    assert.equal(hex(memberRegister({ kind: "pcr", hash: "sha256" }, CLUSTER_ID)), clusterIdPcr(CLUSTER_ID));
    const rtmr = { kind: "rtmr", hash: "sha384" } as const;
    assert.equal(freshRegister(rtmr).length, 48);
    assert.equal(clusterIdDigest(rtmr, CLUSTER_ID).length, 48);
    assert.deepEqual(memberRegister(rtmr, CLUSTER_ID), fromHex(MEMBER_RTMR));
  });

  test("clusterIdDigest() refuses an ID of another length", () => {
    assert.throws(() => clusterIdDigest({ kind: "pcr", hash: "sha256" }, new Uint8Array(31)), {
      code: "cluster_id_length",
    });
  });
});
