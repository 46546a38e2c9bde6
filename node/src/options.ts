/** Where things are on a node, and how long they may take. Tests put a directory of their own in front. */
export interface NodeOptions {
  fwCfgMetadata: string;
  tpmDevice: string;
  eventLog: string;
  console: string;
  /** State disk candidates, best first. */
  stateDisks: readonly string[];
  /** Files in memory, gone after a reboot. */
  runDirectory: string;
  stateMount: string;
  mapperName: string;
  /** Prefix of all paths below; "" on a node. */
  root: string;
  imagesDirectory: string;
  manifestsDirectory: string;
  containerdSocket: string;
  agentSocket: string;
  ports: {
    init: number;
    recover: number;
    verify: number;
    join: number;
    apiProxy: number;
    apiServer: number;
    keyService: number;
  };
  podSubnet: string;
}

/** The node image's layout. */
export const DEFAULT_OPTIONS: NodeOptions = {
  fwCfgMetadata: "/sys/firmware/qemu_fw_cfg/by_name/opt/constellation/metadata/raw",
  tpmDevice: "/dev/tpmrm0",
  eventLog: "/sys/kernel/security/tpm0/binary_bios_measurements",
  console: "/dev/console",
  stateDisks: ["/dev/disk/by-id/virtio-state", "/dev/vdb"],
  runDirectory: "/run/constellation",
  stateMount: "/run/state",
  mapperName: "state",
  root: "",
  imagesDirectory: "/usr/lib/constellation/images",
  manifestsDirectory: "/usr/lib/constellation/manifests",
  containerdSocket: "/run/containerd/containerd.sock",
  agentSocket: "/run/constellation/agent.sock",
  ports: { init: 9000, recover: 9999, verify: 30081, join: 30090, apiProxy: 7443, apiServer: 6443, keyService: 9443 },
  podSubnet: "10.244.0.0/16",
};

/** Paths on the encrypted state disk and in the writable root, and in memory below /run. */
export const PATHS = {
  nodeState: "/var/lib/constellation/node-state.json",
  recoveryRecord: "/var/lib/constellation/self-recovery",
  recoveryMark: "/var/lib/constellation/self-recovery.mark",
  kubernetes: "/etc/kubernetes",
  pki: "/etc/kubernetes/pki",
  servicePki: "/etc/kubernetes/pki/constellation",
  policies: "/etc/kubernetes/constellation",
  adminConf: "/etc/kubernetes/admin.conf",
  kubeletConf: "/etc/kubernetes/kubelet.conf",
  kubeletConfig: "/var/lib/kubelet/config.yaml",
  kubeletEnvironment: "/var/lib/kubelet/constellation.env",
  kubeletPki: "/var/lib/kubelet/pki",
  auditLogs: "/var/log/kubernetes/audit",
  etcdData: "/var/lib/etcd",
  containerdHosts: "/etc/containerd/certs.d",
  /** Cilium's agent writes it once it works. */
  cniConfig: "/etc/cni/net.d/05-cilium.conflist",
  /** The folder of the KMS plugin's socket, and nothing else: the API server's pod sees all of it. */
  kms: "/run/constellation/kms",
  kmsSocket: "/run/constellation/kms/kms.sock",
  /** In memory: for an agent that is started again while the node runs. */
  etcdKeys: "/run/constellation/etcd-keys.json",
} as const;
