import { hex } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { verdictOf } from "@constellation/verdict";
import { about, type Check, type CheckCode } from "./check.ts";
import { AttestationError } from "./error.ts";
import { type Evidence, parseEvidence } from "./evidence.ts";
import { checkPolicy } from "./parse-policy.ts";
import { machineClaims } from "./platform/machine.ts";
import { validateMachine } from "./platform/machines.ts";
import { judgePlatform, type PlatformEvidence, type PlatformPolicy, trustOf } from "./platform/variants.ts";
import type { Policy, QemuVtpmPolicy } from "./policy.ts";
import { appraiseQemuVtpm, QEMU_VTPM_CHECKS, QEMU_VTPM_TRUST } from "./qemu-vtpm/appraise.ts";
import type { Claims, Verdict } from "./verdict.ts";

const { fail, pass } = about("hardware.evidence");

/** What evidence is appraised against, beside the policy. */
export interface AppraisalContext {
  /** 64 bytes that the evidence must be bound to. */
  readonly reportData: Uint8Array;
  readonly now: Date;
}

/** Checks that could run, and what was learned. */
export interface Appraisal {
  readonly checks: readonly Check[];
  readonly claims: Claims;
}

const REPORT_DATA_BYTES = 64;

/**
 * Judges evidence by a policy. Bad evidence never throws: each check of the policy's variant is in the verdict, and
 * one that could not run counts as failed.
 * Throws `AttestationError` "policy_malformed" or "report_data_length" for mistakes of the caller.
 */
export function appraise(evidenceBytes: Uint8Array, policy: Policy, context: AppraisalContext): Verdict {
  if (context.reportData.length !== REPORT_DATA_BYTES) {
    throw new AttestationError(
      "report_data_length",
      `Appraise evidence failed: got report data of "${context.reportData.length}" bytes, wanted "${REPORT_DATA_BYTES}"`,
    );
  }
  const { evidence, check } = readEvidence(evidenceBytes, policy.variant);
  const appraisal = appraiseParts(evidence, policy, context);
  return {
    variant: policy.variant,
    trust: policy.variant === "qemu-vtpm" ? QEMU_VTPM_TRUST : trustOf(policy.variant),
    ...verdictOf([check, ...appraisal.checks], appraisal.claims),
  };
}

function appraiseParts(evidence: Evidence | undefined, policy: Policy, context: AppraisalContext): Appraisal {
  if (policy.variant === "qemu-vtpm") {
    const checked = checkPolicy(policy) as QemuVtpmPolicy;
    const isOurs = evidence?.variant === "qemu-vtpm";
    const { checks, claims } = isOurs ? appraiseQemuVtpm(evidence, checked, context) : { checks: [], claims: {} };
    return { checks: complete(checks), claims };
  }
  if (evidence === undefined || evidence.variant === "qemu-vtpm") {
    return { checks: [fail(policy.variant, "not_checked", { reason: "a check before it failed" })], claims: {} };
  }
  return appraisePlatform(evidence, policy, context);
}

function appraisePlatform(
  evidence: PlatformEvidence,
  policy: PlatformPolicy,
  { reportData, now }: AppraisalContext,
): Appraisal {
  const binding = { reportData, qualifyingData: digest("sha256", reportData) };
  const { checks, claims } = judgePlatform(evidence, policy, binding, now);
  const { machine, clusterRegister } = machineClaims(evidence);
  return {
    checks: [...checks, validateMachine(machine, policy.machines)],
    claims: {
      platform: claims,
      ...(machine && { machine: hex(machine) }),
      ...(clusterRegister && { clusterRegister: hex(clusterRegister) }),
    },
  };
}

function readEvidence(bytes: Uint8Array, wanted: Policy["variant"]): { evidence?: Evidence; check: Check } {
  try {
    const evidence = parseEvidence(bytes);
    if (evidence.variant !== wanted) {
      return { check: fail("evidence", "variant_mismatch", { got: `"${evidence.variant}"`, wanted: `"${wanted}"` }) };
    }
    return { evidence, check: pass("evidence", { got: `"${evidence.variant}"` }) };
  } catch (error) {
    if (!(error instanceof AttestationError)) throw error;
    return { check: fail("evidence", error.code as CheckCode, { reason: error.message }) };
  }
}

/** All checks of the variant in their order; one that is missing did not run, and so failed. */
function complete(checks: readonly Check[]): Check[] {
  const byName = new Map(checks.map((check) => [check.name, check]));
  return QEMU_VTPM_CHECKS.map(
    (name) => byName.get(name) ?? fail(name, "not_checked", { reason: "a check before it failed" }),
  );
}
