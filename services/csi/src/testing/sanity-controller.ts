import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { type Controller, ControllerServiceCapability_RPC_Type as Rpc } from "@constellation/rpc/csi/v1";
import { MIB, type World } from "./world.ts";

const SIZE = 128 * MIB;
const CAPABILITIES = [Rpc.CREATE_DELETE_VOLUME, Rpc.EXPAND_VOLUME] as const;

/** A stand-in vendor's controller: volumes are devices of the world, and each has a PersistentVolume at once. */
export function sanityController(world: World): Partial<ServiceImpl<typeof Controller>> {
  const sizes = new Map<string, bigint>();
  const required = (name: string, value: unknown): void => {
    if (value === "" || value === undefined) throw new ConnectError(`no ${name}`, Code.InvalidArgument);
    if (Array.isArray(value) && value.length === 0) throw new ConnectError(`no ${name}`, Code.InvalidArgument);
  };
  return {
    controllerGetCapabilities: () => ({
      capabilities: CAPABILITIES.map((type) => ({ type: { case: "rpc" as const, value: { type } } })),
    }),
    createVolume({ name, volumeCapabilities, capacityRange }) {
      required("name", name);
      required("volume_capabilities", volumeCapabilities);
      const capacityBytes = capacityRange?.requiredBytes || BigInt(SIZE);
      const volumeId = `volume-${name}`;
      const found = sizes.get(volumeId);
      if (found !== undefined && found !== capacityBytes) throw new ConnectError("other size", Code.AlreadyExists);
      if (found === undefined) world.addVolume(volumeId, { sizeBytes: Number(capacityBytes) });
      sizes.set(volumeId, capacityBytes);
      return { volume: { volumeId, capacityBytes } };
    },
    deleteVolume({ volumeId }) {
      required("volume_id", volumeId);
      sizes.delete(volumeId);
      return {};
    },
    validateVolumeCapabilities({ volumeId, volumeCapabilities }) {
      required("volume_id", volumeId);
      required("volume_capabilities", volumeCapabilities);
      if (!sizes.has(volumeId)) throw new ConnectError("no such volume", Code.NotFound);
      return { confirmed: { volumeCapabilities } };
    },
    controllerExpandVolume({ volumeId, capacityRange }) {
      required("volume_id", volumeId);
      required("capacity_range", capacityRange);
      if (!sizes.has(volumeId)) throw new ConnectError("no such volume", Code.NotFound);
      return { capacityBytes: capacityRange?.requiredBytes ?? 0n, nodeExpansionRequired: true };
    },
  };
}
