import { fromUtf8 } from "@constellation/bytes";
import { EvidenceSourceError } from "../error.ts";
import { type HostFiles, systemCode } from "../system/host-files.ts";

/** What the machine's firmware says it is (SMBIOS), as the kernel shows it. */
export interface Dmi {
  readonly sys_vendor: string;
  readonly product_name: string;
  readonly chassis_asset_tag: string;
  readonly bios_vendor: string;
}

/** A platform by its firmware. */
export type Platform = "aws" | "azure" | "gcp" | "qemu";

const DIRECTORY = "/sys/class/dmi/id";
const MAX_FIELD_BYTES = 4096;

/** Fields that are of one platform only. Azure's tag is the same on all of its machines, and on no other Hyper-V's. */
const SIGNS: readonly (readonly [keyof Dmi, string, Platform])[] = [
  ["sys_vendor", "Amazon EC2", "aws"],
  ["bios_vendor", "Amazon EC2", "aws"],
  ["chassis_asset_tag", "Amazon EC2", "aws"],
  ["chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77", "azure"],
  ["sys_vendor", "Google", "gcp"],
  ["product_name", "Google Compute Engine", "gcp"],
  ["bios_vendor", "Google", "gcp"],
  ["sys_vendor", "QEMU", "qemu"],
];

/** Reads the fields; one that the kernel does not have is empty. @throws EvidenceSourceError */
export async function readDmi(files: HostFiles): Promise<Dmi> {
  return {
    sys_vendor: await readField("sys_vendor", files),
    product_name: await readField("product_name", files),
    chassis_asset_tag: await readField("chassis_asset_tag", files),
    bios_vendor: await readField("bios_vendor", files),
  };
}

/**
 * The platform that the fields are signs of, or undefined where they are signs of none.
 * @throws EvidenceSourceError `platform_ambiguous` where they are signs of several
 */
export function platformOf(dmi: Dmi): Platform | undefined {
  const signs = SIGNS.filter(([field, value]) => dmi[field] === value);
  const [platform, ...others] = new Set(signs.map(([, , of]) => of));
  if (others.length === 0) return platform;
  const got = signs.map(([field, value]) => `${field} "${value}"`).join(" and ");
  throw new EvidenceSourceError(
    "platform_ambiguous",
    `Detect platform failed: got ${got}, wanted signs of one platform`,
  );
}

async function readField(name: keyof Dmi, files: HostFiles): Promise<string> {
  try {
    return fromUtf8(await files.read(`${DIRECTORY}/${name}`, MAX_FIELD_BYTES)).trim();
  } catch (cause) {
    const code = systemCode(cause);
    if (code === "ENOENT") return "";
    if (cause instanceof EvidenceSourceError) throw cause;
    const message = `Read "${DIRECTORY}/${name}" failed: got ${code ?? (cause as Error).message}, wanted text`;
    throw new EvidenceSourceError("device_failed", message, { cause });
  }
}
