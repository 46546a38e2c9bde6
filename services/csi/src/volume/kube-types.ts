import type { KubeObject, ResourceType } from "@constellation/kube";

interface Annotated extends KubeObject {
  readonly metadata: KubeObject["metadata"] & { readonly annotations?: Readonly<Record<string, string>> };
}

/** The fields of a PersistentVolume that the layer looks at. Names are Kubernetes' own. */
export interface PersistentVolume extends Annotated {
  readonly spec: {
    readonly storageClassName?: string;
    readonly csi?: {
      readonly driver: string;
      readonly volumeHandle: string;
      readonly volumeAttributes?: Readonly<Record<string, string>>;
    };
  };
}

export const VOLUMES: ResourceType<PersistentVolume> = {
  group: "",
  version: "v1",
  plural: "persistentvolumes",
  kind: "PersistentVolume",
  namespaced: false,
};

/** A StorageClass. Its parameters are the driver's own; what it says to the layer are annotations. */
export const CLASSES: ResourceType<Annotated> = {
  group: "storage.k8s.io",
  version: "v1",
  plural: "storageclasses",
  kind: "StorageClass",
  namespaced: false,
};
