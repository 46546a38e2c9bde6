/** The parts of Kubernetes objects that the tests look at. */
export interface Node {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly nodeInfo: { readonly bootID: string; readonly kubeletVersion: string };
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

/** A pod. */
export interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
      readonly state: Readonly<Record<string, { readonly reason?: string; readonly message?: string }>>;
    }[];
  };
}

/** A list of either. */
export interface List<T> {
  readonly items: readonly T[];
}

/** Whether the node's kubelet says that it is Ready. */
export function isReady(node: Node): boolean {
  return node.status.conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** Whether all containers of the pod are ready. */
export function isPodReady({ status }: Pod): boolean {
  return status.containerStatuses !== undefined && status.containerStatuses.every(({ ready }) => ready);
}

/** A pod's state in a few words, for what is said while waiting. */
export function describePod({ metadata, spec, status }: Pod): string {
  const states = (status.containerStatuses ?? []).flatMap(({ state }) =>
    Object.entries(state).map(([name, { reason, message }]) => [name, reason, message].filter(Boolean).join(" ")),
  );
  return `${metadata.name} on ${spec.nodeName ?? "no node"}: ${status.phase} ${states.join(", ")}`;
}
