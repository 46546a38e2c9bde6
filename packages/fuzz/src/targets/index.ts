import type { Target } from "../target.ts";

/** By package, so that a run loads what it needs alone. */
const PACKAGES: Readonly<Record<string, () => Promise<{ readonly TARGETS: readonly Target[] }>>> = {
  attestation: () => import("./attestation.ts"),
  cose: () => import("./cose.ts"),
  crypto: () => import("./crypto.ts"),
  der: () => import("./der.ts"),
  eventlog: () => import("./eventlog.ts"),
  evidence: () => import("./evidence.ts"),
  hcl: () => import("./hcl.ts"),
  json: () => import("./json.ts"),
  kms: () => import("./kms.ts"),
  nitro: () => import("./nitro.ts"),
  "sev-snp": () => import("./sev-snp.ts"),
  tdx: () => import("./tdx.ts"),
  tpm2: () => import("./tpm2.ts"),
  x509: () => import("./x509.ts"),
};

/** All targets. */
export async function allTargets(): Promise<Target[]> {
  const modules = await Promise.all(Object.values(PACKAGES).map((load) => load()));
  return modules.flatMap(({ TARGETS }) => TARGETS);
}

/** One target by its name. */
export async function loadTarget(name: string): Promise<Target> {
  const targets = (await PACKAGES[name.split(".")[0] as string]?.())?.TARGETS ?? [];
  const found = targets.find((target) => target.name === name);
  if (found === undefined) throw new Error(`Load target failed: got "${name}", wanted a target's name`);
  return found;
}
