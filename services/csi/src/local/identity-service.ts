import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Identity,
  PluginCapability_Service_Type as Service,
  PluginCapability_VolumeExpansion_Type as Expansion,
} from "@constellation/rpc/csi/v1";
import { DRIVER_NAME } from "./names.ts";

/** CSI's Identity service: a driver without a controller, whose volumes are each tied to a node and grow while in use. */
export function localIdentityService(version: string): ServiceImpl<typeof Identity> {
  return {
    getPluginInfo: () => ({ name: DRIVER_NAME, vendorVersion: version }),
    getPluginCapabilities: () => ({
      capabilities: [
        { type: { case: "service", value: { type: Service.VOLUME_ACCESSIBILITY_CONSTRAINTS } } },
        { type: { case: "volumeExpansion", value: { type: Expansion.ONLINE } } },
      ],
    }),
    probe: () => ({ ready: true }),
  };
}
