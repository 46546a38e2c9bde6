import {
  type Client,
  type ConnectRouter,
  createClient,
  createRouterTransport,
  type Interceptor,
} from "@connectrpc/connect";
import type { Log } from "@constellation/pod";
import { toConnectError } from "@constellation/rpc";
import { Node, type VolumeCapability, VolumeCapability_AccessMode_Mode as Mode } from "@constellation/rpc/csi/v1";
import { STATUSES } from "../errors.ts";
import type { Files } from "../kernel/files.ts";
import { Kernel } from "../kernel/kernel.ts";
import { layerRoutes } from "../layer.ts";
import { VolumeLocks } from "../locks.ts";
import type { NodeContext } from "../node/context.ts";
import { inProcessPlugin } from "../plugin/connect.ts";
import { Rekeyer } from "../rekey/rekeyer.ts";
import { EncryptedVolumes } from "../volume/encrypted-volume.ts";
import { parseFileSystem } from "../volume/file-systems.ts";
import { type VolumeNames, volumeNames } from "../volume/names.ts";
import { OpenVolumes } from "../volume/open-volumes.ts";
import { Effects } from "./effects.ts";
import { FakeKeys, FakeRecords } from "./fake-cluster.ts";
import { FakeKernel } from "./fake-kernel.ts";
import { FakeVendor, type FakeVendorOptions } from "./fake-vendor.ts";
import { SparseDevice } from "./sparse-device.ts";

export const MIB = 1024 * 1024;
export const DRIVER = "vendor.example";
export const VOLUME = "vol-1";
export const STAGING = "/var/lib/kubelet/plugins/kubernetes.io/csi/vendor.example/x/globalmount";
export const TARGET = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pv-1/mount";
const FOLDERS = { kubelet: "/var/lib/kubelet", run: "/run/csi" };

/** What the UUID of the n-th new volume is. */
export const uuidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

type Plain<T> = Omit<T, "$typeName" | "$unknown">;
type Capability = {
  readonly accessType:
    | Plain<VolumeCapability>["accessType"]
    | { case: "mount"; value: object }
    | { case: "block"; value: object };
  readonly accessMode: { readonly mode: Mode };
};

/** A capability for a mount. */
export function asMount(fsType = "ext4", mode: Mode = Mode.SINGLE_NODE_WRITER, mountFlags: string[] = []): Capability {
  return { accessType: { case: "mount", value: { fsType, mountFlags } }, accessMode: { mode } };
}

/** A capability for a block device. */
export function asBlockDevice(mode: Mode = Mode.SINGLE_NODE_WRITER): Capability {
  return { accessType: { case: "block", value: {} }, accessMode: { mode } };
}

/** One node with the layer before a vendor's plugin: a kernel, a key service and an API server that are models. */
export class World {
  readonly effects = new Effects();
  readonly kernel = new FakeKernel(this.effects);
  readonly records: FakeRecords;
  readonly keys = new FakeKeys();
  readonly vendor: FakeVendor;
  readonly driver: string;
  #uuids = 0;
  /** The vendor's plugin, and the files of the kernel; a test may put more around them before a restart. */
  routes: (router: ConnectRouter) => void;
  port: Files;
  /** Events that the layer has logged. */
  readonly events: string[] = [];
  readonly log: Log = { record: (event) => void this.events.push(event) };
  context!: NodeContext;
  node!: Client<typeof Node>;

  constructor(options: Partial<FakeVendorOptions> = {}) {
    const vendorOptions = { driver: DRIVER, stages: true, expands: true, ...options };
    this.driver = vendorOptions.driver;
    this.records = new FakeRecords(this.effects, this.driver);
    this.vendor = new FakeVendor(vendorOptions, this.kernel, this.effects);
    this.routes = this.vendor.routes;
    this.port = this.kernel.port;
    this.restart();
  }

  /** Starts the process again: all that it had in memory is gone, and copies of headers, which `startCsi` takes away. */
  restart(): void {
    this.effects.revive();
    for (const path of this.kernel.files.keys()) if (path.startsWith(FOLDERS.run)) this.kernel.files.delete(path);
    const kernel = new Kernel(this.kernel.exec, this.port);
    const newUuid = (): string => uuidOf((this.#uuids += 1));
    const { records, keys } = this;
    const volumes = new EncryptedVolumes({ kernel, records, keys, newUuid, parseFileSystem });
    const openVolumes = new OpenVolumes({ kernel, records, keys });
    const parts = { kernel, volumes, openVolumes, locks: new VolumeLocks(), folders: FOLDERS, log: this.log };
    this.context = {
      driver: this.driver,
      plugin: inProcessPlugin(this.routes),
      ...parts,
      rekeyer: new Rekeyer({ ...parts, intervalMs: 1_000 }),
      signal: new AbortController().signal,
    };
    const funnel: Interceptor = (next) => async (request) => {
      try {
        return await next(request);
      } catch (error) {
        throw toConnectError(error, STATUSES);
      }
    };
    const transport = createRouterTransport(layerRoutes(this.context), { router: { interceptors: [funnel] } });
    this.node = createClient(Node, transport);
  }

  /** Adds a volume that the vendor has, with a PersistentVolume. */
  addVolume(volumeId: string, options: { integrity?: boolean; sizeBytes?: number; device?: SparseDevice } = {}): void {
    const { integrity = false, sizeBytes = 128 * MIB, device = new SparseDevice(sizeBytes) } = options;
    const number = `8:${this.kernel.devices.size * 16}`;
    this.kernel.devices.set(number, device);
    this.vendor.devices.set(volumeId, number);
    this.addRecord(volumeId, integrity);
  }

  /** Makes the volume's PersistentVolume anew. */
  addRecord(volumeId: string, integrity = false): void {
    const nothing = { uuid: undefined, formatting: undefined, generation: 1 };
    const record = { name: volumeId, resourceVersion: "1", ...nothing, integrity };
    this.records.records.set(volumeId, record);
  }

  /** The volume's device. */
  device(volumeId: string = VOLUME): SparseDevice {
    return this.kernel.devices.get(this.vendor.devices.get(volumeId)!)!;
  }

  /** A pod has written something to the volume. */
  writeData(volumeId: string = VOLUME): void {
    const found = this.kernel.plaintexts.get(this.vendor.devices.get(volumeId)!)!;
    if (!found.fileSystem.endsWith("with data")) found.fileSystem += " with data";
  }

  names(volumeId: string = VOLUME): VolumeNames {
    return volumeNames(FOLDERS, this.driver, volumeId);
  }

  async stage(volumeCapability = asMount(), volumeId = VOLUME, stagingTargetPath = STAGING): Promise<void> {
    await this.node.nodeStageVolume({ volumeId, stagingTargetPath, volumeCapability });
  }

  async publish(volumeCapability = asMount(), readonly = false): Promise<void> {
    await this.node.nodePublishVolume({
      volumeId: VOLUME,
      stagingTargetPath: STAGING,
      targetPath: TARGET,
      volumeCapability,
      readonly,
    });
  }

  async unpublish(): Promise<void> {
    await this.node.nodeUnpublishVolume({ volumeId: VOLUME, targetPath: TARGET });
  }

  async unstage(volumeId = VOLUME, stagingTargetPath = STAGING): Promise<void> {
    await this.node.nodeUnstageVolume({ volumeId, stagingTargetPath });
  }

  async expand(requiredBytes: number, volumePath = STAGING): Promise<bigint> {
    const request = { volumeId: VOLUME, volumePath, capacityRange: { requiredBytes: BigInt(requiredBytes) } };
    return (await this.node.nodeExpandVolume(request)).capacityBytes;
  }

  async rekey(): Promise<void> {
    const mapping = (await this.context.kernel.mapping(this.names().mapping))!;
    await this.context.openVolumes.rekey(this.names(), mapping, this.context.signal);
  }
}
