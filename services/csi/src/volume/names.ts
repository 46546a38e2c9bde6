import { createHash } from "node:crypto";

/** Folder, below every vendor's mounts of /var/lib/kubelet, in which vendors stage and publish for us. */
const VENDOR_FOLDER = "plugins/kubernetes.io/csi/volumeDevices/csi.constellation.internal";

const MAPPING = /^constellation-volume-([0-9a-f]{40})$/;

/** Where one volume has its things on this node. All names come from driver and volume ID alone. */
export interface VolumeNames {
  /** Name of the mapping, also of the volume's lock. */
  readonly mapping: string;
  /** Where the vendor stages it. */
  readonly vendorStaging: string;
  /** Where the vendor publishes it: the device node. */
  readonly vendorDevice: string;
  /** The checked copy of its header, in memory. */
  readonly headerFile: string;
}

/** Folders that names are in. */
export interface NameFolders {
  /** /var/lib/kubelet, under that very path in every pod that has to do with volumes. */
  readonly kubelet: string;
  /** In memory. */
  readonly run: string;
}

/**
 * Names by a hash of driver and volume ID: IDs may be long and may hold anything, and a clone with the same LUKS UUID is
 * another volume, which may be open at the same time.
 */
export function volumeNames(folders: NameFolders, driver: string, volumeId: string): VolumeNames {
  return namesOfHash(folders, hashOf(driver, volumeId));
}

/** Name of a volume's mapping. */
export function mappingOf(driver: string, volumeId: string): string {
  return mappingOfHash(hashOf(driver, volumeId));
}

/** The names of a mapping that is there; undefined if it is not one of a volume. */
export function namesOfMapping(folders: NameFolders, mapping: string): VolumeNames | undefined {
  const hash = MAPPING.exec(mapping)?.[1];
  return hash === undefined ? undefined : namesOfHash(folders, hash);
}

function hashOf(driver: string, volumeId: string): string {
  return createHash("sha256").update(`${driver}\0${volumeId}`).digest("hex").slice(0, 40);
}

function mappingOfHash(hash: string): string {
  return `constellation-volume-${hash}`;
}

function namesOfHash(folders: NameFolders, hash: string): VolumeNames {
  const vendor = `${folders.kubelet}/${VENDOR_FOLDER}/${hash}`;
  return {
    mapping: mappingOfHash(hash),
    vendorStaging: `${vendor}/staging`,
    vendorDevice: `${vendor}/device`,
    headerFile: `${folders.run}/${hash}.header`,
  };
}
