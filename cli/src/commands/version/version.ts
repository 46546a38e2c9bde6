import {
  CONFIG_VERSION,
  RELEASE_VERSION,
  STATE_VERSION,
  SUPPORTED_KUBERNETES_VERSIONS,
} from "@constellation/config/constants";
import { formatTable } from "../../terminal/table.ts";

/** The report of `version`. */
export function describeVersion(json: boolean): string {
  const versions = {
    version: RELEASE_VERSION,
    kubernetesVersions: SUPPORTED_KUBERNETES_VERSIONS,
    configVersion: CONFIG_VERSION,
    stateVersion: STATE_VERSION,
    nodeVersion: process.version,
    platform: `${process.platform}/${process.arch}`,
  };
  if (json) return `${JSON.stringify(versions, null, 2)}\n`;
  const rows = [
    ["Version:", versions.version],
    ["Kubernetes:", versions.kubernetesVersions.join(", ")],
    ["Config version:", versions.configVersion],
    ["State version:", versions.stateVersion],
    ["Node.js:", versions.nodeVersion],
    ["Platform:", versions.platform],
  ];
  return `${formatTable(rows)}\n`;
}
