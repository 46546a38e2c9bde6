import type { PluginInfo } from "@constellation/rpc/pluginregistration/v1";
import type { RegistrationFolders } from "./paths.ts";

/** What a registrar said that can be served. */
export interface DriverInfo {
  readonly driver: string;
  readonly endpoint: string;
  readonly versions: readonly string[];
}

/** Driver names as the CSI specification has them ("GetPluginInfo"), in the short form that fits a socket's path. */
const DRIVER = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

/**
 * Reads what a vendor's registrar tells of itself.
 * @returns the driver, or why it can't be registered
 */
export function parseInfo(
  { type, name, endpoint, supportedVersions }: PluginInfo,
  socket: string,
  { kubelet }: RegistrationFolders,
): DriverInfo | { readonly refused: string } {
  if (type !== "CSIPlugin") return refused("type", type, "CSIPlugin");
  if (!DRIVER.test(name)) return refused("name", name, "a driver name in lower case");
  const path = endpoint === "" ? socket : endpoint.replace(/^unix:\/\//, "");
  if (!path.startsWith(`${kubelet}/`) || path.split("/").includes("..")) {
    return refused("endpoint", endpoint, `a socket below ${kubelet}`);
  }
  if (!supportedVersions.some((version) => /^v?1\./.test(version))) {
    return refused("supported_versions", supportedVersions.join(", "), "1.x");
  }
  return { driver: name, endpoint: path, versions: supportedVersions };
}

function refused(field: string, got: string, wanted: string): { refused: string } {
  return { refused: `Register driver failed: ${field}: got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}` };
}
