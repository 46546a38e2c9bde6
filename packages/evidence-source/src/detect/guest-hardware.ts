import { EvidenceSourceError } from "../error.ts";
import { type HostFiles, systemCode } from "../system/host-files.ts";

/** Confidential-computing hardware whose reports the guest asks for itself. */
export type GuestHardware = "sev-snp" | "tdx";

/** The guest driver's device, and the CPU flag that the kernel sets in such a guest, where the hardware shows it. */
const HARDWARE = [
  { hardware: "sev-snp", device: "/dev/sev-guest", flag: "sev_snp" },
  { hardware: "tdx", device: "/dev/tdx_guest", flag: "tdx_guest" },
] as const;

const CPUINFO = "/proc/cpuinfo";
/** A record has some 1.5 KiB, and only the first is looked at; machines have some hundreds of CPUs. */
const MAX_CPUINFO_BYTES = 16 * 1024 * 1024;

/** Hardware whose guest device is there. */
export async function guestDevices(files: HostFiles): Promise<GuestHardware[]> {
  const found: GuestHardware[] = [];
  for (const { hardware, device } of HARDWARE) if (await files.exists(device)) found.push(hardware);
  return found;
}

/**
 * The hardware that this machine is a guest of, by its guest device. A CPU flag without its device is refused: the
 * machine could give evidence of its hardware, and must not settle for less. Absent flags say nothing.
 * @throws EvidenceSourceError `platform_ambiguous` or `device_failed`
 */
export async function guestHardware(files: HostFiles): Promise<GuestHardware | undefined> {
  const found = await guestDevices(files);
  if (found.length > 1) throw ambiguous(`guest devices of ${found.join(" and ")}`, "one");
  const flags = await cpuFlags(files);
  for (const { hardware, device, flag } of HARDWARE) {
    if (!flags.has(flag) || found.includes(hardware)) continue;
    throw ambiguous(`CPU flag "${flag}" without "${device}"`, "both, or neither");
  }
  return found[0];
}

async function cpuFlags(files: HostFiles): Promise<ReadonlySet<string>> {
  try {
    const text = new TextDecoder().decode(await files.read(CPUINFO, MAX_CPUINFO_BYTES));
    return new Set(/^flags\s*: (.*)$/m.exec(text)?.[1]?.split(" "));
  } catch (cause) {
    if (cause instanceof EvidenceSourceError) throw cause;
    const got = systemCode(cause) ?? "another error";
    throw new EvidenceSourceError("device_failed", `Read "${CPUINFO}" failed: got ${got}, wanted text`, { cause });
  }
}

function ambiguous(got: string, wanted: string): EvidenceSourceError {
  return new EvidenceSourceError("platform_ambiguous", `Detect platform failed: got ${got}, wanted ${wanted}`);
}
