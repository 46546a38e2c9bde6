import { equalConstantTime, hex } from "@constellation/bytes";
import type { TdReport } from "@constellation/tdx";
import { EvidenceSourceError } from "../error.ts";
import { type HostFiles, systemCode } from "../system/host-files.ts";

/** Registers of a TD as its kernel reads them of the TDX module (Linux 6.16, sysfs-devices-virtual-misc-tdx_guest). */
const MEASUREMENTS = "/sys/devices/virtual/misc/tdx_guest/measurements";

/** Fields of a quote's body by the kernel's names for them. */
export const TD_REGISTERS = {
  MRTD: `${MEASUREMENTS}/mrtd:sha384`,
  MRCONFIGID: `${MEASUREMENTS}/mrconfigid`,
  RTMR0: `${MEASUREMENTS}/rtmr0:sha384`,
  RTMR1: `${MEASUREMENTS}/rtmr1:sha384`,
  RTMR2: `${MEASUREMENTS}/rtmr2:sha384`,
  RTMR3: `${MEASUREMENTS}/rtmr3:sha384`,
} as const satisfies Partial<Record<keyof TdReport, string>>;

type TdRegister = keyof typeof TD_REGISTERS;

const REGISTER_BYTES = 48;

/**
 * Checks that a quote of this TD is of this TD. Its host makes it of the TD's report, and can make one of anything: peers
 * find that out by its signature, but a machine that reads its own registers there must not believe its host.
 * @throws EvidenceSourceError `registers_differ`, `device_missing` or `device_failed`
 */
export async function requireOwnRegisters(quoted: TdReport, files: Pick<HostFiles, "read">): Promise<void> {
  for (const [name, path] of Object.entries(TD_REGISTERS) as [TdRegister, string][]) {
    const own = await readRegister(path, files);
    if (equalConstantTime(own, quoted[name])) continue;
    throw new EvidenceSourceError(
      "registers_differ",
      `Read own TD quote failed: got ${name} "${hex(quoted[name])}", wanted the kernel's "${hex(own)}"`,
    );
  }
}

async function readRegister(path: string, files: Pick<HostFiles, "read">): Promise<Uint8Array> {
  try {
    return await files.read(path, REGISTER_BYTES);
  } catch (cause) {
    if (cause instanceof EvidenceSourceError) throw cause;
    const got = systemCode(cause) ?? "another error";
    const isMissing = got === "ENOENT";
    throw new EvidenceSourceError(
      isMissing ? "device_missing" : "device_failed",
      `Read "${path}" failed: got ${got}, wanted ${isMissing ? "a kernel that shows a TD's registers" : "success"}`,
      { cause },
    );
  }
}
