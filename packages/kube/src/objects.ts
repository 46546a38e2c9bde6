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
  readonly spec: { readonly unschedulable: true | null };
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
