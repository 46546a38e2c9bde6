import { randomUUID } from "node:crypto";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type KubeApi,
  type KubeError,
  KubeMirror,
  type KubeObject,
  type ResourceType,
} from "@constellation/kube/in-cluster";
import type { Log } from "@constellation/pod";
import { Identity, Node } from "@constellation/rpc/csi/v1";
import { BindMounts } from "./bind-mounts.ts";
import { CapacityObjects } from "./capacity-objects.ts";
import { Events } from "./events.ts";
import { localIdentityService } from "./identity-service.ts";
import { CAPACITIES, CLAIMS, CLASSES, EVENTS, NODES, VOLUMES } from "./kube-types.ts";
import { LoopDevices } from "./loop-devices.ts";
import { localNodeService } from "./node-service.ts";
import { Provisioner } from "./provisioner.ts";
import { DEFAULT_RESERVE, type Reserve } from "./space.ts";
import { Sweep } from "./sweep.ts";
import { type NodeSystem, nodeSystem } from "./system.ts";
import { VolumeFiles } from "./volume-files.ts";
import { LocalVolumes } from "./volumes.ts";
import { Wakeup } from "./wakeup.ts";

/** What the local driver is told. */
export interface LocalDriverOptions {
  /** Name of this node's object. */
  readonly nodeName: string;
  /** Version that the kubelet shows. */
  readonly version: string;
  /** Folder of the volumes' files, on the node's encrypted disk, under the path that it has on the node. */
  readonly folder: string;
  readonly reserve?: Reserve;
  /** How long a file may be without a PersistentVolume. */
  readonly orphanGraceMs?: number;
}

/** What it works with. */
export interface LocalDriverPorts {
  readonly api: KubeApi;
  readonly log: Log;
  /** The node itself, unless a test has another. */
  readonly system?: NodeSystem;
  readonly now?: () => Date;
}

/** The local driver: what the encryption layer calls, and what makes volumes meanwhile. */
export interface LocalDriver {
  /** Registers CSI's Identity and Node services. */
  readonly routes: (router: ConnectRouter) => void;
  /** Provisions, grows and removes volumes of this node until the signal says stop. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

// The disk fills and empties without anybody telling: capacity and files without an object are looked at this often.
const LOOK_AGAIN_MS = 60_000;

/** Makes the driver of one node. Nothing happens before its services are called or it is run. */
export async function createLocalDriver(options: LocalDriverOptions, ports: LocalDriverPorts): Promise<LocalDriver> {
  const { nodeName, version, folder, reserve = DEFAULT_RESERVE } = options;
  const system = ports.system ?? nodeSystem;
  const files = new VolumeFiles(folder, system, reserve);
  await files.prepare();
  const volumes = new LocalVolumes({ files, loops: new LoopDevices(system), mounts: new BindMounts(system) });
  return {
    routes: (router) => {
      router.service(Identity, localIdentityService(version));
      router.service(Node, localNodeService({ nodeName, volumes }));
    },
    run: (signal) => runProvisioner(volumes, options, ports, signal),
  };
}

async function runProvisioner(
  volumes: LocalVolumes,
  { nodeName, orphanGraceMs }: LocalDriverOptions,
  { api, log, now = () => new Date() }: LocalDriverPorts,
  signal: AbortSignal,
): Promise<void> {
  const wakeup = new Wakeup();
  const onError = ({ code, message }: KubeError): void => log.record("api-call-failed", { code, error: message });
  const mirror = <T extends KubeObject>(type: ResourceType<T>): KubeMirror<T> =>
    new KubeMirror(api.resources(type), { onChange: () => wakeup.wake(), onError });
  const mirrors = { claims: mirror(CLAIMS), volumes: mirror(VOLUMES), classes: mirror(CLASSES) };
  const events = new Events({ events: api.resources(EVENTS), nodeName, now, randomId: randomUUID, onError });
  const parts = {
    nodeName,
    volumes,
    mirrors,
    events,
    log,
    now,
    api: { claims: api.resources(CLAIMS), volumes: api.resources(VOLUMES) },
  };
  const capacity = new CapacityObjects({
    ...parts,
    capacities: api.resources(CAPACITIES),
    nodes: api.resources(NODES),
  });
  const provisioner = new Provisioner({ ...parts, sweep: new Sweep(parts, orphanGraceMs), capacity });
  const all = Object.values(mirrors);
  const failed = new AbortController();
  const stopping = AbortSignal.any([signal, failed.signal]);
  const following = Promise.all(all.map((each) => each.run(stopping)));
  const loop = async (): Promise<void> => {
    while (!stopping.aborted) {
      // Half a picture could look like a volume without an object.
      const nextMs = all.every(({ synced }) => synced) ? await provisioner.pass(stopping) : undefined;
      await wakeup.wait(Math.min(nextMs ?? LOOK_AGAIN_MS, LOOK_AGAIN_MS), stopping);
    }
  };
  try {
    await Promise.all([following, loop()]);
  } finally {
    failed.abort();
  }
}
