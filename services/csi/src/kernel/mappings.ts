import { CsiError } from "../errors.ts";
import type { Files } from "./files.ts";

/** An open mapping of the device-mapper, as sysfs tells of it. */
export interface Mapping {
  /** Device node, such as /dev/dm-3: the kernel's own, there without udev. */
  readonly path: string;
  /** `major:minor`. */
  readonly device: string;
  /** UUID of the LUKS header it was opened by; undefined if it is no LUKS2 mapping. */
  readonly luksUuid: string | undefined;
  readonly integrity: boolean;
  readonly readOnly: boolean;
  readonly sizeBytes: number;
  /** `major:minor` of the device below. */
  readonly below: string | undefined;
}

const BLOCK = "/sys/class/block";
const SECTOR_BYTES = 512;
/** How cryptsetup names its mappings for the kernel: CRYPT-LUKS2-<UUID without dashes>-<name>. */
const LUKS2_UUID = /^CRYPT-LUKS2-([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})-/;

/** Finds the mapping of a name. */
export async function findMapping(files: Files, name: string): Promise<Mapping | undefined> {
  for (const entry of await files.list(BLOCK)) {
    if (!entry.startsWith("dm-")) continue;
    const folder = `${BLOCK}/${entry}`;
    if ((await textOf(files, `${folder}/dm/name`)) !== name) continue;
    return await readMapping(files, entry, folder);
  }
  return undefined;
}

/** Names of all mappings. */
export async function mappingNames(files: Files): Promise<string[]> {
  const entries = (await files.list(BLOCK)).filter((entry) => entry.startsWith("dm-"));
  const names = await Promise.all(entries.map((entry) => textOf(files, `${BLOCK}/${entry}/dm/name`)));
  return names.filter((name) => name !== undefined);
}

async function readMapping(files: Files, entry: string, folder: string): Promise<Mapping | undefined> {
  const [device, uuid, readOnly, sectors] = await Promise.all(
    ["dev", "dm/uuid", "ro", "size"].map((name) => textOf(files, `${folder}/${name}`)),
  );
  // One that is being made, or whose making was cut off, has no bytes yet.
  if (device === undefined || sectors === undefined || sectors === "0") return undefined;
  const parts = LUKS2_UUID.exec(uuid ?? "");
  const [slave] = await files.list(`${folder}/slaves`);
  const integrity = slave !== undefined && (await isIntegrity(files, slave));
  return {
    path: `/dev/${entry}`,
    device,
    luksUuid: parts === null ? undefined : parts.slice(1).join("-"),
    integrity,
    readOnly: readOnly === "1",
    sizeBytes: Number(sectors) * SECTOR_BYTES,
    below: slave === undefined ? undefined : await deviceBelow(files, slave, integrity),
  };
}

/** Below dm-crypt with authentication is a dm-integrity device that cryptsetup names "<name>_dif". */
async function isIntegrity(files: Files, entry: string): Promise<boolean> {
  return ((await textOf(files, `${BLOCK}/${entry}/dm/name`)) ?? "").endsWith("_dif");
}

async function deviceBelow(files: Files, entry: string, integrity: boolean): Promise<string | undefined> {
  if (!integrity) return await textOf(files, `${BLOCK}/${entry}/dev`);
  const [lower] = await files.list(`${BLOCK}/${entry}/slaves`);
  return lower === undefined ? undefined : await textOf(files, `${BLOCK}/${lower}/dev`);
}

/** What sysfs says of a device that went while it was read: the last two are the device-mapper's, while it takes one away. */
const GONE = new Set(["ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "EINVAL", "EIO"]);

/** A mapping may go while it is read. Another failure does not tell that there is none. */
async function textOf(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.readText(path)).trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== undefined && GONE.has(code)) return undefined;
    throw new CsiError("kernel", `Read "${path}" failed: got ${code ?? String(cause)}, wanted its text`, { cause });
  }
}
