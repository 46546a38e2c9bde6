import { KubeError, type KubeErrorCode, type KubeList } from "@constellation/kube";
import { createLog } from "@constellation/pod";
import { Events } from "../events.ts";
import type { Claim, KubeEvent, StorageClass, Volume } from "../kube-types.ts";
import { ANNOTATIONS, DRIVER_NAME } from "../names.ts";
import type { NodeParts } from "../node-parts.ts";
import type { TestNode } from "./node.ts";

/** UID of the claim that tests are about. */
export const CLAIM_UID = "00000000-0000-4000-8000-000000000001";

/** A claim that the scheduler gave to a node. */
export const claimFor = (nodeName: string): Claim => ({
  metadata: {
    namespace: "default",
    name: "c",
    uid: CLAIM_UID,
    resourceVersion: "7",
    annotations: { [ANNOTATIONS.provisioner]: DRIVER_NAME, [ANNOTATIONS.selectedNode]: nodeName },
  },
  spec: {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "64Mi" } },
    storageClassName: "encrypted-rwo",
  },
});

/** The class of that claim. */
export const CLASS: StorageClass = { metadata: { name: "encrypted-rwo" }, provisioner: DRIVER_NAME };

/** What the API server of a test has, as it is and as the driver has seen it; and what it refuses. */
export interface FakeCluster {
  claims: Claim[];
  volumes: Volume[];
  seenVolumes: Volume[];
  failing: KubeErrorCode | undefined;
  /** Calls that change something. */
  readonly changes: unknown[];
  readonly log: string[];
  readonly clock: { ms: number };
}

export function fakeCluster(): FakeCluster {
  return { claims: [], volumes: [], seenVolumes: [], failing: undefined, changes: [], log: [], clock: { ms: 0 } };
}

/** The parts of a driver on a node whose API server misbehaves as a test says. */
export function fakeParts(node: TestNode, cluster: FakeCluster): NodeParts {
  const now = (): Date => new Date(cluster.clock.ms);
  const events = { create: (event: KubeEvent) => Promise.resolve(event) };
  return {
    nodeName: "worker-0",
    volumes: node.volumes,
    api: {
      claims: calls(cluster, () => cluster.claims),
      volumes: calls(cluster, () => cluster.volumes),
    } as unknown as NodeParts["api"],
    mirrors: {
      claims: mirror(() => cluster.claims),
      volumes: mirror(() => cluster.seenVolumes),
      classes: mirror(() => [CLASS]),
    },
    events: new Events({
      events: events as never,
      nodeName: "worker-0",
      now,
      randomId: () => "x",
      onError: () => undefined,
    }),
    log: createLog({ now, write: (line) => cluster.log.push(line) }),
    now,
  };
}

interface Named {
  readonly metadata: { readonly name: string };
}

function mirror<T extends Named>(items: () => readonly T[]) {
  return { items, get: ({ name }: { name: string }) => items().find(({ metadata }) => metadata.name === name) };
}

function calls<T extends Named>(cluster: FakeCluster, items: () => T[]) {
  const fail = (code: KubeErrorCode): never => {
    throw new KubeError(code, `got ${code}`);
  };
  const answer = async <R>(work: () => R): Promise<R> => {
    if (cluster.failing !== undefined) fail(cluster.failing);
    return work();
  };
  const find = (name: string): T | undefined => items().find(({ metadata }) => metadata.name === name);
  return {
    get: ({ name }: { name: string }) => answer(() => find(name) ?? fail("not_found")),
    list: () => answer((): KubeList<T> => ({ items: items(), resourceVersion: "1" })),
    create: (object: T) =>
      answer(() => {
        if (find(object.metadata.name) !== undefined) fail("already_exists");
        items().push(object);
        cluster.changes.push(["create", object.metadata.name]);
        return object;
      }),
    patch: ({ name }: { name: string }, patch: unknown) =>
      answer(() => {
        cluster.changes.push(["patch", name, patch]);
        return find(name) ?? fail("not_found");
      }),
  };
}
