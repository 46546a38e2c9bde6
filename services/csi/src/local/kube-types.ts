import type { KubeObject, ResourceType } from "@constellation/kube/in-cluster";

/** The fields of Kubernetes objects that the provisioner uses. Names are Kubernetes' own. */
export interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly deletionTimestamp?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly object[];
}

type Quantities = Readonly<Record<string, string>>;

export interface ClaimCondition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string | null;
  readonly reason?: string;
  readonly message?: string;
}

export interface Claim extends KubeObject {
  readonly metadata: Meta;
  readonly spec: {
    readonly accessModes?: readonly string[];
    readonly resources?: { readonly requests?: Quantities };
    readonly storageClassName?: string;
    readonly volumeMode?: string;
    readonly volumeName?: string;
    readonly selector?: object;
    readonly dataSource?: object;
    readonly dataSourceRef?: object;
  };
  readonly status?: {
    readonly phase?: string;
    readonly capacity?: Quantities;
    readonly conditions?: readonly ClaimCondition[];
    readonly allocatedResources?: Quantities;
    readonly allocatedResourceStatuses?: Quantities;
  };
}

export interface Volume extends KubeObject {
  readonly metadata: Meta;
  readonly spec: {
    readonly capacity: Quantities;
    readonly accessModes: readonly string[];
    readonly persistentVolumeReclaimPolicy: string;
    readonly storageClassName: string;
    readonly volumeMode: string;
    readonly mountOptions?: readonly string[];
    readonly claimRef?: {
      readonly apiVersion: string;
      readonly kind: string;
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
    };
    readonly csi?: {
      readonly driver: string;
      readonly volumeHandle: string;
      readonly fsType?: string;
      readonly volumeAttributes?: Readonly<Record<string, string>>;
    };
    readonly nodeAffinity?: {
      readonly required?: {
        readonly nodeSelectorTerms: readonly {
          readonly matchExpressions?: readonly {
            readonly key: string;
            readonly operator: string;
            readonly values?: readonly string[];
          }[];
        }[];
      };
    };
  };
  readonly status?: { readonly phase?: string };
}

export interface StorageClass extends KubeObject {
  readonly metadata: Meta;
  readonly provisioner: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly reclaimPolicy?: string;
  readonly mountOptions?: readonly string[];
}

export interface StorageCapacity extends KubeObject {
  readonly metadata: Meta;
  readonly storageClassName: string;
  readonly nodeTopology: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly capacity: string;
  readonly maximumVolumeSize: string;
}

export interface KubeEvent extends KubeObject {
  readonly metadata: Meta;
  readonly involvedObject: object;
  readonly reason: string;
  readonly message: string;
  readonly type: string;
  readonly source: object;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
  readonly reportingComponent: string;
}

const storage = { group: "storage.k8s.io", version: "v1" } as const;
const core = { group: "", version: "v1" } as const;

/** Where the API server has these kinds. */
export const CLAIMS: ResourceType<Claim> = {
  ...core,
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
  namespaced: true,
};
export const VOLUMES: ResourceType<Volume> = {
  ...core,
  plural: "persistentvolumes",
  kind: "PersistentVolume",
  namespaced: false,
};
export const EVENTS: ResourceType<KubeEvent> = { ...core, plural: "events", kind: "Event", namespaced: true };
export const NODES: ResourceType<KubeObject> = { ...core, plural: "nodes", kind: "Node", namespaced: false };
export const CLASSES: ResourceType<StorageClass> = {
  ...storage,
  plural: "storageclasses",
  kind: "StorageClass",
  namespaced: false,
};
export const CAPACITIES: ResourceType<StorageCapacity> = {
  ...storage,
  plural: "csistoragecapacities",
  kind: "CSIStorageCapacity",
  namespaced: true,
};
