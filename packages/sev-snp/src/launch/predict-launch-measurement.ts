import { digest } from "@constellation/crypto";
import { SevSnpError } from "../error.ts";
import { type Firmware, type FirmwareSection, parseFirmware } from "./firmware.ts";
import { type KernelHashes, kernelHashesPage } from "./kernel-hashes.ts";
import { LAUNCH_DIGEST_BYTES, LaunchDigest, PAGE_TYPE } from "./launch-digest.ts";
import { PAGE_BYTES } from "./page.ts";
import { type Vmm, vmsaGpa } from "./vmm.ts";
import { RESET_EIP, vmsaPage } from "./vmsa.ts";

/** Everything that goes into the launch measurement of a guest. */
export interface LaunchInput {
  readonly vmm: Vmm;
  /** OVMF image; the VMM maps it to end at 4 GiB. */
  readonly firmware: Uint8Array;
  /**
   * The launch digest after the pages of the firmware, 48 bytes, where it is known and `firmware` is only the end of
   * the image.
   */
  readonly firmwareDigest?: Uint8Array;
  /** What the VMM boots directly under its hashes; "none" where the guest boots from a disk. */
  readonly kernelHashes: KernelHashes | "none";
  /** How many vCPUs are measured; for guests that start the others themselves, one. */
  readonly vcpus: number;
  /** `vcpuSignature` or `vcpuModelSignature` of the vCPUs. */
  readonly vcpuSignature: number;
  /** SEV_FEATURES of each vCPU: bit 0 (SNPActive) is set. */
  readonly guestFeatures: bigint;
}

/** As many as KVM can have. */
const MAX_VCPUS = 4096;
const SNP_ACTIVE = 1n;

/**
 * Predicts MEASUREMENT of a guest: firmware, the sections it asks for, and the state of each vCPU, in the order of
 * the VMM (AMD 56860 section 8.17). Throws `SevSnpError` "firmware" or "launch_input".
 */
export function predictLaunchMeasurement(input: LaunchInput): Uint8Array {
  requireLaunchable(input);
  const firmware = parseFirmware(input.firmware);
  const launch = new LaunchDigest(input.firmwareDigest);
  if (input.firmwareDigest === undefined) launch.addNormalPages(firmware.gpa, firmware.image);
  addSections(launch, firmware, input);
  addVcpus(launch, firmware, input);
  return launch.value;
}

function requireLaunchable({
  vcpus,
  vcpuSignature,
  guestFeatures,
  firmwareDigest,
  kernelHashes,
  vmm,
}: LaunchInput): void {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
    throw refused(`${vcpus} vCPUs`, `1 to ${MAX_VCPUS}`);
  }
  if (!Number.isInteger(vcpuSignature) || vcpuSignature < 0 || vcpuSignature >= 2 ** 32) {
    throw refused(`vCPU signature ${vcpuSignature}`, "32 bits");
  }
  if ((guestFeatures & SNP_ACTIVE) === 0n || guestFeatures >> 64n !== 0n) {
    throw refused(`guest features 0x${guestFeatures.toString(16)}`, "64 bits with SNPActive");
  }
  if (firmwareDigest !== undefined && firmwareDigest.length !== LAUNCH_DIGEST_BYTES) {
    throw refused(`a firmware digest of ${firmwareDigest.length} bytes`, `${LAUNCH_DIGEST_BYTES}`);
  }
  if (vmm.kind === "gce" && kernelHashes !== "none") {
    throw refused("kernel hashes on Google Compute Engine", "none, it boots from disks only");
  }
}

/** Sections in the order of the image; Amazon's VMM adds the CPUID page after all others. */
function addSections(launch: LaunchDigest, firmware: Firmware, input: LaunchInput): void {
  const { sections } = firmware;
  const isLast = ({ kind }: FirmwareSection) => input.vmm.kind === "ec2" && kind === "CPUID";
  if (input.kernelHashes !== "none" && !sections.some(({ kind }) => kind === "SNP_KERNEL_HASHES")) {
    throw new SevSnpError(
      "firmware",
      "Predict launch measurement failed: got firmware without a section for kernel hashes, wanted one",
    );
  }
  for (const section of [...sections.filter((one) => !isLast(one)), ...sections.filter(isLast)]) {
    addSection(launch, firmware, section, input);
  }
}

function addSection(launch: LaunchDigest, firmware: Firmware, section: FirmwareSection, input: LaunchInput): void {
  const { kind, gpa, sizeBytes } = section;
  switch (kind) {
    case "SNP_SEC_MEM": {
      // Google leaves this memory as it is; the others have firmware clear it.
      const type = input.vmm.kind === "gce" ? PAGE_TYPE.UNMEASURED : PAGE_TYPE.ZERO;
      return launch.addContentlessPages(type, gpa, sizeBytes);
    }
    case "SVSM_CAA":
      return launch.addContentlessPages(PAGE_TYPE.ZERO, gpa, sizeBytes);
    case "SNP_SECRETS":
      return launch.addContentlessPages(PAGE_TYPE.SECRETS, gpa, sizeBytes);
    case "CPUID":
      return launch.addContentlessPages(PAGE_TYPE.CPUID, gpa, sizeBytes);
    case "SNP_KERNEL_HASHES":
      if (input.kernelHashes === "none") return launch.addContentlessPages(PAGE_TYPE.ZERO, gpa, sizeBytes);
      return launch.addNormalPages(gpa, hashesPage(firmware, section, input.kernelHashes));
  }
}

/** The table of hashes must be where the section is. */
function hashesPage({ hashTable }: Firmware, { gpa }: FirmwareSection, hashes: KernelHashes): Uint8Array {
  if (hashTable === undefined || hashTable.gpa - (hashTable.gpa % PAGE_BYTES) !== gpa) {
    const got = hashTable === undefined ? "none" : `one at 0x${hashTable.gpa.toString(16)}`;
    throw new SevSnpError(
      "firmware",
      `Predict launch measurement failed: got ${got} as table of kernel hashes, wanted one in the page 0x${gpa.toString(16)}`,
    );
  }
  return kernelHashesPage(hashes, hashTable);
}

/** One VMSA page per vCPU: the first one starts at the reset vector, the others where the firmware says. */
function addVcpus(launch: LaunchDigest, { apResetEip }: Firmware, input: LaunchInput): void {
  const { vmm, vcpus, vcpuSignature: signature, guestFeatures } = input;
  const contents = (eip: number) => digest("sha384", vmsaPage({ vmm, eip, signature, guestFeatures }));
  launch.addVmsaPage(vmsaGpa(vmm), contents(RESET_EIP));
  if (vcpus === 1) return;
  if (apResetEip === undefined) {
    throw new SevSnpError(
      "firmware",
      `Predict launch measurement failed: got firmware without a SEV-ES reset block, wanted one for ${vcpus} vCPUs`,
    );
  }
  const others = contents(apResetEip);
  for (let vcpu = 1; vcpu < vcpus; vcpu++) launch.addVmsaPage(vmsaGpa(vmm), others);
}

function refused(got: string, wanted: string): SevSnpError {
  return new SevSnpError("launch_input", `Predict launch measurement failed: got ${got}, wanted ${wanted}`);
}
