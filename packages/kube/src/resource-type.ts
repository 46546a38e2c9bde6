/** What every object of the API server has. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

/** A kind of object, and where the API server has it. `T` says what an object of it looks like. */
export interface ResourceType<T extends KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never there: it ties `T` to the type. */
  readonly object?: T;
}

/** `apiVersion` as it stands in objects of this type. */
export function apiVersionOf({ group, version }: ResourceType<KubeObject>): string {
  return group === "" ? version : `${group}/${version}`;
}
