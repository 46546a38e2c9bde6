import type { KubeMirror, KubeResources } from "@constellation/kube/in-cluster";
import type { Log } from "@constellation/pod";
import type { Events } from "./events.ts";
import type { Claim, StorageClass, Volume } from "./kube-types.ts";
import type { LocalVolumes } from "./volumes.ts";

/** What the steps of the provisioner work with. */
export interface NodeParts {
  readonly nodeName: string;
  readonly volumes: LocalVolumes;
  readonly api: { readonly claims: KubeResources<Claim>; readonly volumes: KubeResources<Volume> };
  readonly mirrors: {
    readonly claims: Pick<KubeMirror<Claim>, "items" | "get">;
    readonly volumes: Pick<KubeMirror<Volume>, "items" | "get">;
    readonly classes: Pick<KubeMirror<StorageClass>, "items" | "get">;
  };
  readonly events: Events;
  readonly log: Log;
  readonly now: () => Date;
}

/** The key of an object for calls. */
export function keyOf({ metadata }: { readonly metadata: { namespace?: string; name: string } }) {
  return { namespace: metadata.namespace, name: metadata.name };
}
