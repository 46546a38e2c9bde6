import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  Controller,
  Identity,
  Node,
  NodeServiceCapability_RPC_Type as Rpc,
  type VolumeCapability,
} from "@constellation/rpc/csi/v1";
import type { Effects } from "./effects.ts";
import type { FakeKernel } from "./fake-kernel.ts";

/** A vendor's plugin: volumes are devices of the fake kernel. */
export interface FakeVendorOptions {
  readonly driver: string;
  readonly stages: boolean;
  readonly expands: boolean;
}

/** Routes of a vendor's plugin that gives out devices by volume ID, and calls it got in `calls`. */
export class FakeVendor {
  readonly staged = new Map<string, string>();
  readonly calls: string[] = [];
  readonly devices = new Map<string, string>();
  readonly #options: FakeVendorOptions;
  readonly #kernel: FakeKernel;
  readonly #effects: Effects;

  constructor(options: FakeVendorOptions, kernel: FakeKernel, effects: Effects) {
    this.#options = options;
    this.#kernel = kernel;
    this.#effects = effects;
  }

  readonly routes = (router: ConnectRouter): void => {
    router.service(Identity, {
      getPluginInfo: () => ({ name: this.#options.driver, vendorVersion: "1" }),
      getPluginCapabilities: () => ({}),
      probe: () => ({ ready: true }),
    });
    router.service(Controller, {});
    this.nodeRoutes(router);
  };

  readonly nodeRoutes = (router: ConnectRouter): void => {
    const { stages, expands } = this.#options;
    router.service(Node, {
      nodeGetCapabilities: () => ({
        capabilities: [
          ...(stages ? [Rpc.STAGE_UNSTAGE_VOLUME] : []),
          ...(expands ? [Rpc.EXPAND_VOLUME] : []),
          Rpc.VOLUME_CONDITION,
          Rpc.VOLUME_MOUNT_GROUP,
          Rpc.SINGLE_NODE_MULTI_WRITER,
        ].map((type) => ({ type: { case: "rpc" as const, value: { type } } })),
      }),
      nodeGetInfo: () => ({ nodeId: "node-1", maxVolumesPerNode: 3n }),
      nodeStageVolume: ({ volumeId, stagingTargetPath, volumeCapability }) => {
        this.#requireBlock("stage", volumeCapability);
        this.#effects.apply(() => this.staged.set(volumeId, stagingTargetPath));
        return {};
      },
      nodeUnstageVolume: ({ volumeId }) => {
        this.calls.push("unstage");
        if (this.#publishedNode(volumeId) !== undefined) throw new ConnectError("in use", Code.FailedPrecondition);
        this.#effects.apply(() => this.staged.delete(volumeId));
        return {};
      },
      nodePublishVolume: ({ volumeId, targetPath, stagingTargetPath, volumeCapability }) => {
        this.#requireBlock("publish", volumeCapability);
        if (stages && this.staged.get(volumeId) !== stagingTargetPath) {
          throw new ConnectError("not staged", Code.FailedPrecondition);
        }
        this.#effects.apply(() => this.#kernel.nodes.set(targetPath, this.#device(volumeId)));
        return {};
      },
      nodeUnpublishVolume: ({ volumeId, targetPath }) => {
        this.calls.push("unpublish");
        const device = this.#kernel.nodes.get(targetPath);
        if (this.#kernel.mappings.some(({ below }) => below === device)) {
          this.#kernel.violations.push(`took away the device of ${volumeId} while it was open`);
        }
        this.#effects.apply(() => this.#kernel.nodes.delete(targetPath));
        return {};
      },
      nodeExpandVolume: ({ volumePath, capacityRange }) => {
        this.calls.push("expand");
        const device = this.#kernel.devices.get(this.#kernel.nodes.get(volumePath) ?? "");
        if (device === undefined) throw new ConnectError("no such device", Code.NotFound);
        const sizeBytes = Number(capacityRange?.requiredBytes);
        this.#effects.apply(() => (device.sizeBytes = sizeBytes));
        return { capacityBytes: BigInt(sizeBytes) };
      },
    });
  };

  #requireBlock(call: string, capability: VolumeCapability | undefined): void {
    this.calls.push(call);
    if (capability?.accessType.case !== "block") throw new ConnectError("wanted block", Code.InvalidArgument);
  }

  #device(volumeId: string): string {
    const device = this.devices.get(volumeId);
    if (device === undefined) throw new ConnectError("no such volume", Code.NotFound);
    return device;
  }

  #publishedNode(volumeId: string): string | undefined {
    return [...this.#kernel.nodes].find(([, device]) => device === this.devices.get(volumeId))?.[0];
  }
}
