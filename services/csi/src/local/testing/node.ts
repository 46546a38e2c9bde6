import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, createRouterTransport, type Client } from "@connectrpc/connect";
import { Identity, Node, VolumeCapability_AccessMode_Mode as Mode } from "@constellation/rpc/csi/v1";
import { BindMounts } from "../bind-mounts.ts";
import { localIdentityService } from "../identity-service.ts";
import { LoopDevices } from "../loop-devices.ts";
import { localNodeService } from "../node-service.ts";
import type { Reserve } from "../space.ts";
import { type NodeSystem, nodeSystem } from "../system.ts";
import { VolumeFiles } from "../volume-files.ts";
import { LocalVolumes } from "../volumes.ts";

/** Everything is for volumes: a test's disk has no other use. */
export const NO_RESERVE: Reserve = { bytes: 0, fraction: 0, headroom: 0 };

/** IDs of volumes, as claims of these numbers would have them. */
export const volumeId = (number: number): string => `pvc-00000000-0000-4000-8000-${`${number}`.padStart(12, "0")}`;

/** Block access from one node. */
export const BLOCK = {
  accessType: { case: "block", value: {} },
  accessMode: { mode: Mode.SINGLE_NODE_WRITER },
} as const;

/** A node's volumes in a folder of their own, with the services that the layer above would call. */
export interface TestNode {
  readonly folder: string;
  readonly files: VolumeFiles;
  readonly loops: LoopDevices;
  readonly volumes: LocalVolumes;
  readonly node: Client<typeof Node>;
  readonly identity: Client<typeof Identity>;
  /** Where calls stage and publish. */
  readonly staging: string;
  readonly target: string;
  /** The same node after its process ended and began again. */
  readonly restarted: () => TestNode;
  readonly remove: () => Promise<void>;
}

/** A node whose system is the machine's own, but for what a test has otherwise. */
export async function testNode(system: Partial<NodeSystem> = {}, reserve = NO_RESERVE): Promise<TestNode> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-volumes-"));
  await mkdir(join(folder, "staging"));
  await mkdir(join(folder, "volumes"));
  return nodeIn(folder, { ...nodeSystem, ...system }, reserve);
}

function nodeIn(folder: string, system: NodeSystem, reserve: Reserve): TestNode {
  const files = new VolumeFiles(join(folder, "volumes"), system, reserve);
  const loops = new LoopDevices(system);
  const volumes = new LocalVolumes({ files, loops, mounts: new BindMounts(system) });
  const transport = createRouterTransport(({ service }) => {
    service(Node, localNodeService({ nodeName: "worker-0", volumes }));
    service(Identity, localIdentityService("v0"));
  });
  return {
    folder,
    files,
    loops,
    volumes,
    node: createClient(Node, transport),
    identity: createClient(Identity, transport),
    staging: join(folder, "staging"),
    target: join(folder, "device"),
    restarted: () => nodeIn(folder, system, reserve),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
