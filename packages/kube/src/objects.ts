/** The fields of Kubernetes objects that we use. Names are Kubernetes' own. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  /** There while the object is ending. */
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly controller?: boolean }[];
}

export interface ConfigMap {
  readonly metadata: ObjectMeta;
  readonly data?: Readonly<Record<string, string>>;
  /** Values in base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

/** A JSON merge patch (RFC 7396) of a ConfigMap: a null removes a key. */
export interface ConfigMapPatch {
  readonly metadata?: Partial<ObjectMeta>;
  readonly data?: Readonly<Record<string, string | null>>;
}

export interface DaemonSet {
  readonly metadata: ObjectMeta;
  readonly status?: {
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
  };
}

export interface NodeCondition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
}

export interface KubeNode {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly podCIDR?: string; readonly unschedulable?: boolean };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly conditions?: readonly NodeCondition[];
    readonly nodeInfo?: { readonly kubeletVersion?: string; readonly osImage?: string };
  };
}

export interface Deployment {
  readonly metadata: ObjectMeta;
  readonly status?: { readonly replicas?: number; readonly availableReplicas?: number };
}

/** A JSON merge patch (RFC 7396) of a Node: a null removes a field. */
export interface KubeNodePatch {
  readonly metadata?: Pick<ObjectMeta, "annotations">;
  readonly spec?: { readonly unschedulable: true | null };
}

export interface Secret {
  readonly metadata: ObjectMeta;
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** A JSON merge patch (RFC 7396) of a Secret: a null removes a key. */
export interface SecretPatch {
  readonly metadata?: Partial<ObjectMeta>;
  readonly data?: Readonly<Record<string, string | null>>;
}

/** A part of a list, of objects without their contents (PartialObjectMetadata). */
export interface MetadataPage {
  readonly items: readonly { readonly metadata: ObjectMeta }[];
  /** What to ask the next part with; there while there is one. */
  readonly next?: string;
}

export interface PersistentVolume {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly csi?: { readonly driver: string; readonly volumeHandle: string } };
}

/** What the API server knows about a token (authentication.k8s.io/v1 TokenReview). */
export interface TokenReviewStatus {
  readonly authenticated?: boolean;
  /** Those of the audiences asked for that the token is for. */
  readonly audiences?: readonly string[];
  readonly user?: {
    readonly username?: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly error?: string;
}

export interface KubePod {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown" };
}

/** The pod that is meant: one of the same name that came later is another. */
export interface PodReference {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EndpointSlice {
  readonly metadata: ObjectMeta;
  readonly endpoints?: readonly {
    readonly addresses: readonly string[];
    readonly conditions?: { readonly ready?: boolean };
  }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
}
