import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
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
});

describe("machineClaims()", () => {
  test("says nothing of evidence that can't be read", () => {
    const sevSnp = { report: new Uint8Array(3), endorsementCert: new Uint8Array(), caChain: [], crls: [] };
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
