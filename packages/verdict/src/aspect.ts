import type { TrustClaim, TrustValue } from "./trust-claim.ts";

/** What an outcome says in each claim. "none" (0) is said, too: it keeps the claim from being affirmed by others. */
export type Said = { readonly [C in TrustClaim]?: TrustValue<C> };

/** What each outcome of a check says. What is not here says nothing, either way. */
interface Meaning {
  readonly pass?: Said;
  readonly "accepted-by-choice"?: Said;
  readonly fail: Said;
}

/** Evidence that is not authentic shows nothing in any claim that it could speak for. */
const NOT_AUTHENTIC = {
  "instance-identity": 99,
  configuration: 99,
  executables: 99,
  hardware: 99,
  "runtime-opaque": 99,
} as const satisfies Said;

/** Evidence whose authenticity nobody looked at shows nothing, too. */
const NOT_SHOWN = {
  "instance-identity": 0,
  configuration: 0,
  executables: 0,
  hardware: 0,
  "runtime-opaque": 0,
} as const satisfies Said;

/**
 * What checks speak for: a claim, and after the point what part in it they have. A claim is affirmed where some check
 * affirms it and none says worse, so a part that only ever takes away has no `pass`.
 */
export const ASPECTS = {
  /** Signature, chain or profile, from the evidence to the key of the CPU's maker. */
  "hardware.genuine": { pass: { hardware: 2 }, "accepted-by-choice": { hardware: 0 }, fail: NOT_AUTHENTIC },
  /** Without this, anyone could have made the evidence. */
  "hardware.authority": { pass: { hardware: 2 }, "accepted-by-choice": NOT_SHOWN, fail: NOT_AUTHENTIC },
  /** Formats, and signatures of keys that something else vouches for. */
  "hardware.evidence": { fail: NOT_AUTHENTIC },
  /** How recent the firmware is. Old firmware may have lost the keys to its guests' memory. */
  "hardware.firmware": {
    pass: { hardware: 2 },
    "accepted-by-choice": { hardware: 0, "runtime-opaque": 0 },
    fail: { hardware: 96 },
  },
  /** A bound that no firmware fails. */
  "hardware.unbounded": {
    pass: { hardware: 0, "runtime-opaque": 0 },
    "accepted-by-choice": { hardware: 0, "runtime-opaque": 0 },
    fail: { hardware: 96 },
  },
  /** Firmware that its maker knows vulnerabilities of, accepted or not. */
  "hardware.vulnerable": {
    pass: { hardware: 32, "runtime-opaque": 0 },
    "accepted-by-choice": { hardware: 32, "runtime-opaque": 0 },
    fail: { hardware: 96 },
  },
  /** What is judged by something else, too. */
  "hardware.detail": { fail: { hardware: 96 } },
  /** A setting. */
  "configuration.setting": {
    pass: { configuration: 2 },
    "accepted-by-choice": { configuration: 36 },
    fail: { configuration: 96 },
  },
  /** Names and data that change nothing in how the machine runs, and rules that genuine hardware keeps. */
  "configuration.detail": { fail: { configuration: 96 } },
  /** A measurement of what the machine started from: boot loader, kernel, image. */
  "executables.boot": {
    pass: { executables: 3 },
    "accepted-by-choice": { executables: 33 },
    fail: { executables: 33 },
  },
  /** A measurement of what ran before, or of nothing. It must be known, and does not tell what was started then. */
  "executables.firmware": { "accepted-by-choice": { executables: 33 }, fail: { executables: 33 } },
  /** A log explains measurements; these count. One that does not fit them is no log of this machine. */
  "executables.log": { fail: { executables: 99 } },
  /** What was loaded later, or is measured elsewhere as well. */
  "executables.detail": { fail: { executables: 33 } },
  /** Which machine it is. */
  "instance-identity.machine": {
    pass: { "instance-identity": 2 },
    "accepted-by-choice": { "instance-identity": 0 },
    fail: { "instance-identity": 97 },
  },
  /** That the evidence was made for whoever asks. */
  "instance-identity.binding": { "accepted-by-choice": { "instance-identity": 0 }, fail: NOT_AUTHENTIC },
  /** That the evidence was made for nobody in particular, and so may be old. */
  "instance-identity.unbound": { pass: { "instance-identity": 0 }, fail: NOT_AUTHENTIC },
  /** What many machines have in common: a cluster, a provider. */
  "instance-identity.group": { fail: { "instance-identity": 97 } },
  /** The CPU keeps its guest's memory from the host. */
  "runtime-opaque.memory": {
    pass: { "runtime-opaque": 2 },
    "accepted-by-choice": { "runtime-opaque": 0 },
    fail: { "runtime-opaque": 96 },
  },
  /** The CPU was told to let the host look in, whether that is accepted or not. */
  "runtime-opaque.debug": {
    pass: { "runtime-opaque": 32 },
    "accepted-by-choice": { "runtime-opaque": 32 },
    fail: { "runtime-opaque": 96 },
  },
  /** What would make it worse than whoever runs the host says. */
  "runtime-opaque.detail": { fail: { "runtime-opaque": 96 } },
  /** The word of whoever runs the host, by a TPM or hypervisor of theirs: it says nothing on a memory that is closed to them. */
  "runtime-opaque.operator": {
    pass: { "runtime-opaque": 32 },
    "accepted-by-choice": { ...NOT_SHOWN, "runtime-opaque": 32 },
    fail: NOT_AUTHENTIC,
  },
} as const satisfies Readonly<Record<`${TrustClaim}.${string}`, Meaning>>;

/** What a check speaks for. */
export type Aspect = keyof typeof ASPECTS;

/** All aspects. */
export const ALL_ASPECTS = Object.keys(ASPECTS) as readonly Aspect[];

/** The claim that an aspect is a part of. */
export function claimOf(aspect: Aspect): TrustClaim {
  return aspect.slice(0, aspect.indexOf(".")) as TrustClaim;
}
