import { existsSync } from "node:fs";
import type { NodeRole, TimingProfile } from "@constellation/cluster-state";
import { writeFileAtomic } from "../disk/files.ts";
import { PATHS } from "../options.ts";
import { type KubeletIdentity, writeKubeletIdentity } from "../pki/kubelet-pki.ts";
import { kubeconfig } from "./kubeconfig.ts";
import { kubeletConfiguration, kubeletEnvironment } from "./kubelet-config.ts";

/** The resolver's own list of servers; its stub on 127.0.0.53 is of no use inside pods. */
const RESOLVED_CONF = "/run/systemd/resolve/resolv.conf";

export interface KubeletFilesInput {
  root: string;
  name: string;
  role: NodeRole;
  address: string;
  serviceCidr: string;
  timingProfile: TimingProfile;
  apiProxyPort: number;
}

/** The kubelet's configuration as this node gives it. */
export function kubeletConfigurationOf(input: Pick<KubeletFilesInput, "serviceCidr" | "timingProfile">): object {
  const resolvConf = existsSync(RESOLVED_CONF) ? RESOLVED_CONF : "/etc/resolv.conf";
  return kubeletConfiguration({ ...input, resolvConf });
}

/** Writes what may differ from boot to boot: configuration and flags. */
export async function writeKubeletConfig(input: KubeletFilesInput): Promise<void> {
  const { root } = input;
  const configuration = `${JSON.stringify(kubeletConfigurationOf(input), undefined, 1)}\n`;
  await writeFileAtomic(root + PATHS.kubeletConfig, configuration, 0o644);
  await writeFileAtomic(root + PATHS.kubeletEnvironment, kubeletEnvironment(input), 0o644);
}

/** Writes what a node gets once: its identity and the way to the API server. */
export async function writeKubeletCredentials(
  input: KubeletFilesInput,
  identity: KubeletIdentity,
  clusterCaPem: string,
): Promise<void> {
  const { root, name, apiProxyPort } = input;
  await writeKubeletIdentity(root + PATHS.kubeletPki, identity);
  const current = `${PATHS.kubeletPki}/kubelet-client-current.pem`;
  const text = kubeconfig({
    server: `https://127.0.0.1:${apiProxyPort}`,
    caPem: clusterCaPem,
    user: `system:node:${name}`,
    credentials: { certificateFile: current, keyFile: current },
  });
  await writeFileAtomic(root + PATHS.kubeletConf, text, 0o600);
}
