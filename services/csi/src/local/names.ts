import { LocalVolumeError } from "./errors.ts";

/** The driver's name: in StorageClasses, PersistentVolumes and towards the kubelet. */
export const DRIVER_NAME = "local.csi.constellation.internal";

/** The topology key, whose value is a node's name: a volume can be used there and nowhere else. */
export const TOPOLOGY_KEY = "topology.local.csi.constellation.internal/node";

/** Volume attribute, and parameter of StorageClasses, by which the encryption layer adds integrity. */
export const INTEGRITY_ATTRIBUTE = "csi.constellation.internal/integrity";

/** Holds a PersistentVolume back from deletion until its file is gone. */
export const FINALIZER = "local.csi.constellation.internal/volume-file";

/** Names of Kubernetes' own, by which its controllers and provisioners talk. */
export const ANNOTATIONS = {
  selectedNode: "volume.kubernetes.io/selected-node",
  provisioner: "volume.kubernetes.io/storage-provisioner",
  betaProvisioner: "volume.beta.kubernetes.io/storage-provisioner",
  provisionedBy: "pv.kubernetes.io/provisioned-by",
} as const;

const UID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const VOLUME_ID = /^pvc-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The volume of a claim: ID, name of the PersistentVolume and name of the file are one. */
export function volumeIdOf(claimUid: string): string {
  if (UID.test(claimUid)) return `pvc-${claimUid}`;
  throw new LocalVolumeError("argument_invalid", `Name volume failed: got UID "${shown(claimUid)}", wanted a UUID`);
}

/** Whether it is an ID of ours. Anything else never becomes part of a path. */
export function isVolumeId(text: string): boolean {
  return VOLUME_ID.test(text);
}

/** @throws LocalVolumeError `argument_invalid` */
export function requireVolumeId(text: string): string {
  if (isVolumeId(text)) return text;
  const got = text === "" ? "none" : `"${shown(text)}"`;
  throw new LocalVolumeError("argument_invalid", `Find volume failed: volume_id: got ${got}, wanted "pvc-<UUID>"`);
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80)).slice(1, -1);
}
