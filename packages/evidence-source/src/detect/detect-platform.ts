import type { PlatformVariant } from "@constellation/attestation";
import { EvidenceSourceError } from "../error.ts";
import type { SourceDependencies } from "../system/dependencies.ts";
import type { HostFiles } from "../system/host-files.ts";
import { paravisorHardware } from "../tpm/hcl.ts";
import { SharedTpm } from "../tpm/shared-tpm.ts";
import { type Dmi, type Platform, platformOf, readDmi } from "./dmi.ts";
import { guestDevices, type GuestHardware, guestHardware } from "./guest-hardware.ts";

const TPM = "/dev/tpmrm0";

/**
 * The variant of this machine. What firmware and host say decides how evidence is asked for, and nothing else: a
 * verifier's policy is of one variant, and evidence of another is refused. A machine that shows no signs, or
 * contradicting ones, is refused too, so that none settles for weaker evidence than its hardware can give.
 * @throws EvidenceSourceError `platform_unknown` or `platform_ambiguous`, and those of reading
 */
export async function detectPlatform(
  { files, openTpm }: Pick<SourceDependencies, "files" | "openTpm">,
  signal: AbortSignal,
): Promise<PlatformVariant | "qemu-vtpm"> {
  const dmi = await readDmi(files);
  const platform = platformOf(dmi);
  if (platform === "azure") return await azureVariant(files, openTpm, signal);
  const hardware = await guestHardware(files);
  switch (platform) {
    case "aws":
      await requireTpm(platform, files);
      return awsVariant(hardware);
    case "gcp":
      await requireTpm(platform, files);
      return hardware === undefined ? "gcp-sev-es" : (`gcp-${hardware}` as const);
    default:
      if (hardware !== undefined) return hardware;
      if (platform === "qemu" && (await files.exists(TPM))) return "qemu-vtpm";
      throw unknown(dmi);
  }
}

/**
 * Azure's machines get their hardware's report from a paravisor; one with the hardware's own device has none. A CPU flag
 * says nothing here, as the paravisor may leave it.
 */
async function azureVariant(
  files: HostFiles,
  openTpm: SourceDependencies["openTpm"],
  signal: AbortSignal,
): Promise<PlatformVariant> {
  const devices = await guestDevices(files);
  if (devices.length > 0) {
    throw ambiguous(`azure and guest devices of ${devices.join(" and ")}`, "a paravisor, which leaves none");
  }
  await requireTpm("azure", files);
  const under = await new SharedTpm(openTpm).run(
    "Look for Azure's paravisor",
    ({ tpm }) => paravisorHardware(tpm, signal),
    signal,
  );
  return under === undefined ? "azure-trusted-launch" : `azure-${under}`;
}

function awsVariant(hardware: GuestHardware | undefined): PlatformVariant {
  if (hardware === "tdx") throw ambiguous("aws and the guest device of tdx", "that of sev-snp, or none");
  return hardware === undefined ? "aws-nitro-tpm" : "aws-sev-snp";
}

/** Evidence of all variants of the clouds has a part of a TPM. */
async function requireTpm(platform: Platform, files: HostFiles): Promise<void> {
  if (await files.exists(TPM)) return;
  throw ambiguous(`${platform} without "${TPM}"`, "a virtual TPM");
}

function ambiguous(got: string, wanted: string): EvidenceSourceError {
  return new EvidenceSourceError("platform_ambiguous", `Detect platform failed: got ${got}, wanted ${wanted}`);
}

function unknown(dmi: Dmi): EvidenceSourceError {
  const fields = Object.entries(dmi).map(([name, value]) => `${name} ${JSON.stringify(value.slice(0, 64))}`);
  return new EvidenceSourceError(
    "platform_unknown",
    `Detect platform failed: got ${fields.join(", ")} and no guest device, wanted a known platform`,
  );
}
