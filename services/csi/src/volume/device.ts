import { CsiError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { VolumeNames } from "./names.ts";

/** What the vendor published must be a device node. @returns its `major:minor` @throws CsiError `vendor_device` */
export async function requireDevice({ files }: Kernel, { vendorDevice }: VolumeNames): Promise<string> {
  const status = await files.status(vendorDevice);
  if (status?.kind === "block" && status.device !== undefined) return status.device;
  const got = status?.kind ?? "nothing";
  throw new CsiError("vendor_device", `Open volume failed: got ${got} from the vendor, wanted a block device`);
}
