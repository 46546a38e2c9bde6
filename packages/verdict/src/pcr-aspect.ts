import type { Aspect } from "./aspect.ts";

/**
 * What the registers of a TPM speak for (TCG PC Client Platform Firmware Profile 1.06, section 3.3.4; Linux TPM PCR
 * Registry). Firmware is code that runs at the start, so it must be known for what it measured to count.
 */
const PCR_ASPECTS: Readonly<Record<number, Aspect>> = {
  0: "executables.firmware",
  1: "configuration.setting",
  2: "executables.firmware",
  3: "configuration.setting",
  4: "executables.boot",
  5: "configuration.setting",
  6: "configuration.setting",
  7: "configuration.setting",
  8: "configuration.setting",
  9: "executables.boot",
  10: "executables.detail",
  11: "executables.boot",
  12: "configuration.setting",
  13: "executables.boot",
  14: "configuration.setting",
  15: "instance-identity.group",
  // Dynamic launch: who uses it starts other code, later.
  17: "executables.firmware",
  18: "executables.firmware",
  19: "executables.firmware",
  20: "executables.firmware",
  21: "executables.firmware",
  22: "executables.firmware",
};

/** Registers without which nothing can be said of what was loaded: firmware, boot loader, kernel, extensions. */
export const BOOT_PCRS: readonly number[] = [0, 2, 4, 9, 11, 13];

/** What a register of a TPM speaks for, by its value where there is one. Anybody may reset those not listed. */
export function pcrAspect(index: number, value: Uint8Array | undefined): Aspect {
  const aspect = PCR_ASPECTS[index] ?? "configuration.detail";
  if (value === undefined) return aspect;
  // A dynamic launch that never was leaves these registers as they were at power-on.
  if (index >= 17 && index <= 22 && isUniform(value)) return "executables.detail";
  return aspect === "executables.boot" ? bootAspect(value) : aspect;
}

/** What a measurement of boot code speaks for. A register that nothing was measured into is to stay so, and shows no code. */
export function bootAspect(value: Uint8Array): Aspect {
  return value.every((byte) => byte === 0) ? "executables.firmware" : "executables.boot";
}

function isUniform(value: Uint8Array): boolean {
  return value.every((byte) => byte === value[0]) && (value[0] === 0 || value[0] === 0xff);
}
