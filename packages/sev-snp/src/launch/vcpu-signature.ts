import { SevSnpError } from "../error.ts";

/** CPU models of QEMU that run SEV-SNP guests, by what CPUID says of them: family, model, stepping. */
const MODELS = {
  EPYC: [23, 1, 2],
  "EPYC-Rome": [23, 49, 0],
  "EPYC-Milan": [25, 1, 1],
  "EPYC-Genoa": [25, 17, 0],
  "EPYC-Turin": [26, 0, 0],
} as const satisfies Record<string, readonly [number, number, number]>;

/** A CPU model of QEMU, without its version: all versions of a model have one signature. */
export type VcpuModel = keyof typeof MODELS;

/** The signature of a CPU model of QEMU. */
export function vcpuModelSignature(model: VcpuModel): number {
  const [family, number, stepping] = MODELS[model];
  return vcpuSignature(family, number, stepping);
}

/**
 * EAX of CPUID Fn0000_0001 (AMD 25481): family and model with their extended parts apart. RDX of a vCPU at its reset
 * holds it. Throws `SevSnpError` "launch_input" for numbers that no CPU has.
 */
export function vcpuSignature(family: number, model: number, stepping: number): number {
  const fits = (value: number, max: number) => Number.isInteger(value) && value >= 0 && value <= max;
  if (!fits(family, 0xf + 0xff) || !fits(model, 0xff) || !fits(stepping, 0xf)) {
    throw new SevSnpError(
      "launch_input",
      `Compute vCPU signature failed: got family ${family}, model ${model}, stepping ${stepping}, wanted those of a CPU`,
    );
  }
  const baseFamily = Math.min(family, 0xf);
  const extendedFamily = family - baseFamily;
  return (extendedFamily << 20) | ((model >> 4) << 16) | (baseFamily << 8) | ((model & 0xf) << 4) | stepping;
}
