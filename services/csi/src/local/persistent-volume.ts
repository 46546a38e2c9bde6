import { LocalVolumeError } from "./errors.ts";
import type { Claim, StorageClass, Volume } from "./kube-types.ts";
import { ANNOTATIONS, DRIVER_NAME, FINALIZER, INTEGRITY_ATTRIBUTE, TOPOLOGY_KEY, volumeIdOf } from "./names.ts";
import { formatQuantity, parseQuantity, roundUp } from "./quantity.ts";

/** What a claim comes to: all that is needed to make its volume. */
export interface VolumePlan {
  readonly volumeId: string;
  readonly sizeBytes: number;
  readonly volume: Volume;
}

const FSTYPE_PARAMETER = "csi.storage.k8s.io/fstype";
const ACCESS_MODES: ReadonlySet<string> = new Set(["ReadWriteOnce", "ReadWriteOncePod"]);
// Room for the encryption layer's header and an empty file system.
const SMALLEST_BYTES = 64 * 1024 * 1024;

/**
 * Plans the volume of a claim on a node. The same claim always gives the same plan.
 * @throws LocalVolumeError `claim_unsupported`, `argument_invalid`
 */
export function planVolume(claim: Claim, storageClass: StorageClass, nodeName: string): VolumePlan {
  requireSupported(claim);
  const volumeId = volumeIdOf(claim.metadata.uid ?? "");
  const sizeBytes = requestedBytes(claim);
  const attributes = attributesOf(storageClass);
  const block = claim.spec.volumeMode === "Block";
  const { mountOptions = [] } = storageClass;
  const volume: Volume = {
    metadata: { name: volumeId, annotations: { [ANNOTATIONS.provisionedBy]: DRIVER_NAME }, finalizers: [FINALIZER] },
    spec: {
      capacity: { storage: formatQuantity(sizeBytes) },
      accessModes: claim.spec.accessModes ?? [],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? "Delete",
      storageClassName: storageClass.metadata.name,
      volumeMode: block ? "Block" : "Filesystem",
      ...(mountOptions.length === 0 || block ? {} : { mountOptions }),
      claimRef: referenceTo(claim),
      csi: {
        driver: DRIVER_NAME,
        volumeHandle: volumeId,
        ...(block ? {} : { fsType: attributes.fsType }),
        ...(attributes.integrity ? { volumeAttributes: { [INTEGRITY_ATTRIBUTE]: "true" } } : {}),
      },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [affinityTo(nodeName)] }] } },
    },
  };
  return { volumeId, sizeBytes, volume };
}

/** Size that a claim asks for, as volumes have it. @throws LocalVolumeError `argument_invalid` */
export function requestedBytes(claim: Claim): number {
  return Math.max(roundUp(parseQuantity(claim.spec.resources?.requests?.["storage"] ?? "")), SMALLEST_BYTES);
}

/** Whether a PersistentVolume is one that this driver made on this node. */
export function isVolumeOf(nodeName: string, { metadata, spec }: Volume): boolean {
  if (spec.csi?.driver !== DRIVER_NAME || spec.csi.volumeHandle !== metadata.name) return false;
  return nodeOf({ metadata, spec }) === nodeName;
}

/** The node that a volume is tied to, by the one form of affinity that this driver writes. */
export function nodeOf({ spec }: Volume): string | undefined {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const [expression, ...others] = terms.flatMap(({ matchExpressions = [] }) => matchExpressions);
  if (terms.length !== 1 || others.length > 0 || expression?.key !== TOPOLOGY_KEY) return undefined;
  return expression.operator === "In" && expression.values?.length === 1 ? expression.values[0] : undefined;
}

function affinityTo(nodeName: string): { key: string; operator: string; values: string[] } {
  return { key: TOPOLOGY_KEY, operator: "In", values: [nodeName] };
}

function referenceTo({ metadata }: Claim) {
  const { namespace = "", name, uid = "" } = metadata;
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid };
}

function requireSupported({ spec }: Claim): void {
  const modes = spec.accessModes ?? [];
  const wrong = modes.find((mode) => !ACCESS_MODES.has(mode));
  if (wrong !== undefined || modes.length === 0) {
    throw unsupported("accessModes", `"${wrong ?? "none"}"`, "ReadWriteOnce or ReadWriteOncePod");
  }
  if (spec.selector !== undefined) throw unsupported("selector", "one", "none");
  if (spec.dataSource !== undefined) throw unsupported("dataSource", "one", "an empty volume");
  if (spec.dataSourceRef !== undefined) throw unsupported("dataSourceRef", "one", "an empty volume");
}

function attributesOf({ parameters = {} }: StorageClass): { fsType: string; integrity: boolean } {
  const unknown = Object.keys(parameters).find((key) => key !== FSTYPE_PARAMETER && key !== INTEGRITY_ATTRIBUTE);
  if (unknown !== undefined) throw unsupported(`StorageClass parameter "${unknown}"`, "it", "it left out");
  const fsType = parameters[FSTYPE_PARAMETER] ?? "ext4";
  if (!["ext4", "xfs"].includes(fsType)) throw unsupported(FSTYPE_PARAMETER, `"${fsType}"`, `"ext4" or "xfs"`);
  const integrity = parameters[INTEGRITY_ATTRIBUTE] ?? "false";
  if (!["true", "false"].includes(integrity)) {
    throw unsupported(INTEGRITY_ATTRIBUTE, `"${integrity}"`, `"true" or "false"`);
  }
  return { fsType, integrity: integrity === "true" };
}

function unsupported(field: string, got: string, wanted: string): LocalVolumeError {
  return new LocalVolumeError("claim_unsupported", `Plan volume failed: ${field}: got ${got}, wanted ${wanted}`);
}
