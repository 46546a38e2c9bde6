import type { NodeRole, TimingProfile } from "@constellation/cluster-state";
import { PATHS } from "../options.ts";
import { timingOf } from "./timing.ts";
import { TLS_CIPHER_SUITES, TLS_MIN_VERSION } from "./tls.ts";

export interface KubeletConfigInput {
  serviceCidr: string;
  resolvConf: string;
  timingProfile: TimingProfile;
}

/** The kubelet's configuration (kubelet.config.k8s.io/v1beta1), with the hardening that CIS benchmark section 4.2 asks for. */
export function kubeletConfiguration(input: KubeletConfigInput): object {
  const timing = timingOf(input.timingProfile);
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${PATHS.pki}/ca.crt` },
    },
    authorization: { mode: "Webhook" },
    readOnlyPort: 0,
    protectKernelDefaults: true,
    makeIPTablesUtilChains: false,
    eventRecordQPS: 5,
    streamingConnectionIdleTimeout: "30m0s",
    podPidsLimit: 8192,
    seccompDefault: true,
    // The serving certificate comes from the cluster CA through the join ticket; the client certificate is rotated.
    tlsCertFile: `${PATHS.kubeletPki}/kubelet.crt`,
    tlsPrivateKeyFile: `${PATHS.kubeletPki}/kubelet.key`,
    serverTLSBootstrap: false,
    rotateCertificates: true,
    tlsMinVersion: TLS_MIN_VERSION,
    tlsCipherSuites: [...TLS_CIPHER_SUITES],
    staticPodPath: `${PATHS.kubernetes}/manifests`,
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    cgroupDriver: "systemd",
    clusterDomain: "cluster.local",
    clusterDNS: [clusterDnsAddress(input.serviceCidr)],
    resolvConf: input.resolvConf,
    healthzBindAddress: "127.0.0.1",
    healthzPort: 10248,
    // Swap is not encrypted: memory would leave the node in clear.
    failSwapOn: true,
    serializeImagePulls: false,
    runtimeRequestTimeout: timing.runtimeRequestTimeout,
    nodeStatusUpdateFrequency: timing.nodeStatusUpdateFrequency,
    // The container logs stay on the encrypted disk, bounded.
    containerLogMaxSize: "20Mi",
    containerLogMaxFiles: 5,
    // System images live in the measured root: there is nothing to win by collecting them, and they are pinned.
    imageMinimumGCAge: "10m0s",
    shutdownGracePeriod: "20s",
    shutdownGracePeriodCriticalPods: "10s",
    volumePluginDir: "/var/lib/kubelet/volumeplugins",
  };
}

export interface KubeletArgsInput {
  name: string;
  address: string;
  role: NodeRole;
  timingProfile: TimingProfile;
}

/** The few settings that only exist as flags, in the file that the kubelet's unit reads. */
export function kubeletEnvironment({ name, address, role, timingProfile }: KubeletArgsInput): string {
  const taints = ["node.cilium.io/agent-not-ready=true:NoExecute"];
  if (role === "control-plane") taints.push("node-role.kubernetes.io/control-plane=:NoSchedule");
  const args = [
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    `--register-with-taints=${taints.join(",")}`,
    `--housekeeping-interval=${timingOf(timingProfile).housekeepingInterval}`,
  ];
  return `KUBELET_ARGS=${args.join(" ")}\n`;
}

/** The address of the cluster's DNS service: the tenth of the service range. */
export function clusterDnsAddress(serviceCidr: string): string {
  return nthAddress(serviceCidr, 10);
}

/**
 * The address of the key service for pods: the eleventh of the service range, in the part from which Kubernetes gives
 * none by itself.
 */
export function keyServiceAddress(serviceCidr: string): string {
  return nthAddress(serviceCidr, 11);
}

/** The nth address of an IPv4 range. */
export function nthAddress(cidr: string, index: number): string {
  const [address = "", prefix = ""] = cidr.split("/");
  const octets = address.split(".").map(Number);
  const bits = octets.reduce((value, octet) => value * 256 + octet, 0);
  const size = 2 ** (32 - Number(prefix));
  const base = Math.floor(bits / size) * size + index;
  return [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256).join(".");
}
