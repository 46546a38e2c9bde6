import type { TimingProfile } from "@constellation/cluster-state";
import { PATHS } from "../options.ts";
import { POLICY_FILES } from "./policies.ts";
import { STATIC_POD_PATCHES } from "./static-pod-patches.ts";
import { timingOf } from "./timing.ts";
import { TLS_CIPHER_SUITES, TLS_MIN_VERSION } from "./tls.ts";

/** Container image tags that kubeadm 1.36 expects beside its own version; the image builder names the images so. */
const ETCD_TAG = "3.6.8-0";
const IMAGE_REPOSITORY = "registry.k8s.io";

export interface ControlPlaneInput {
  nodeName: string;
  nodeAddress: string;
  timingProfile: TimingProfile;
}

export interface ClusterInput extends ControlPlaneInput {
  clusterName: string;
  kubernetesVersion: string;
  serviceCidr: string;
  podSubnet: string;
  certSans: readonly string[];
  apiProxyPort: number;
}

/** Documents for `kubeadm init --config`. */
export function initDocuments(input: ClusterInput, kubelet: object): string {
  return yamlDocuments([
    {
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "InitConfiguration",
      nodeRegistration: nodeRegistration(input),
      localAPIEndpoint: { advertiseAddress: input.nodeAddress, bindPort: 6443 },
      patches: { directory: STATIC_POD_PATCHES },
      timeouts: timeouts(input.timingProfile),
    },
    clusterConfiguration(input),
    kubelet,
  ]);
}

/** Document for `kubeadm join --config` of a further control plane. */
export function joinDocument(input: ControlPlaneInput, bootstrapKubeconfig: string): string {
  return yamlDocuments([
    {
      apiVersion: "kubeadm.k8s.io/v1beta4",
      kind: "JoinConfiguration",
      nodeRegistration: nodeRegistration(input),
      caCertPath: `${PATHS.pki}/ca.crt`,
      discovery: { file: { kubeConfigPath: bootstrapKubeconfig } },
      controlPlane: { localAPIEndpoint: { advertiseAddress: input.nodeAddress, bindPort: 6443 } },
      patches: { directory: STATIC_POD_PATCHES },
      timeouts: timeouts(input.timingProfile),
    },
  ]);
}

function nodeRegistration({ nodeName }: ControlPlaneInput): object {
  return {
    name: nodeName,
    criSocket: "unix:///run/containerd/containerd.sock",
    imagePullPolicy: "Never",
    taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }],
  };
}

function timeouts(profile: TimingProfile): object {
  const { kubeadm } = timingOf(profile);
  return {
    controlPlaneComponentHealthCheck: kubeadm,
    kubeletHealthCheck: kubeadm,
    kubernetesAPICall: kubeadm,
    etcdAPICall: kubeadm,
    tlsBootstrap: kubeadm,
    discovery: kubeadm,
    upgradeManifests: kubeadm,
  };
}

function clusterConfiguration(input: ClusterInput): object {
  const timing = timingOf(input.timingProfile);
  return {
    apiVersion: "kubeadm.k8s.io/v1beta4",
    kind: "ClusterConfiguration",
    clusterName: input.clusterName,
    kubernetesVersion: input.kubernetesVersion,
    controlPlaneEndpoint: `127.0.0.1:${input.apiProxyPort}`,
    certificatesDir: PATHS.pki,
    encryptionAlgorithm: "ECDSA-P256",
    imageRepository: IMAGE_REPOSITORY,
    networking: { serviceSubnet: input.serviceCidr, podSubnet: input.podSubnet, dnsDomain: "cluster.local" },
    // CoreDNS comes with the measured manifests, services are Cilium's work.
    dns: { disabled: true },
    proxy: { disabled: true },
    etcd: {
      local: {
        dataDir: PATHS.etcdData,
        imageTag: ETCD_TAG,
        extraArgs: args({
          "heartbeat-interval": String(timing.etcdHeartbeatMs),
          "election-timeout": String(timing.etcdElectionMs),
          "tls-min-version": "TLS1.2",
          "cipher-suites": TLS_CIPHER_SUITES.join(","),
          "auto-compaction-mode": "periodic",
          "auto-compaction-retention": "8h",
        }),
      },
    },
    apiServer: apiServer(input),
    controllerManager: {
      extraArgs: args({
        profiling: "false",
        "terminated-pod-gc-threshold": "1000",
        "node-monitor-grace-period": timing.nodeMonitorGracePeriod,
        ...leaderElection(input.timingProfile),
        ...tls(),
      }),
    },
    scheduler: { extraArgs: args({ profiling: "false", ...leaderElection(input.timingProfile), ...tls() }) },
  };
}

function apiServer(input: ClusterInput): object {
  const file = (name: keyof typeof POLICY_FILES): string => `${PATHS.policies}/${POLICY_FILES[name]}`;
  return {
    certSANs: [...new Set(["127.0.0.1", "localhost", input.nodeAddress, ...input.certSans])],
    extraArgs: args({
      profiling: "false",
      "authentication-config": file("authentication"),
      "service-account-lookup": "true",
      // Below it are the join service's ports: a Service there would take them on every node.
      "service-node-port-range": "30100-32767",
      "encryption-provider-config": file("encryption"),
      "admission-control-config-file": file("admission"),
      "enable-bootstrap-token-auth": "false",
      // NodeRestriction is kubeadm's own. A Service with external IPs could take a node's address and port.
      "enable-admission-plugins": "NodeRestriction,DenyServiceExternalIPs",
      "audit-policy-file": file("audit"),
      "audit-log-path": `${PATHS.auditLogs}/audit.log`,
      "audit-log-maxage": "30",
      "audit-log-maxbackup": "10",
      "audit-log-maxsize": "100",
      "kubelet-certificate-authority": `${PATHS.pki}/ca.crt`,
      ...tls(),
    }),
    extraVolumes: [
      {
        name: "constellation-policies",
        hostPath: PATHS.policies,
        mountPath: PATHS.policies,
        readOnly: true,
        pathType: "Directory",
      },
      // The folder, not the socket: an agent that is started again makes another socket.
      { name: "constellation-kms", hostPath: PATHS.kms, mountPath: PATHS.kms, readOnly: true, pathType: "Directory" },
      { name: "audit-logs", hostPath: PATHS.auditLogs, mountPath: PATHS.auditLogs, pathType: "DirectoryOrCreate" },
    ],
  };
}

function tls(): Record<string, string> {
  return { "tls-min-version": TLS_MIN_VERSION, "tls-cipher-suites": TLS_CIPHER_SUITES.join(",") };
}

function leaderElection(profile: TimingProfile): Record<string, string> {
  const { leaseDuration, renewDeadline, retryPeriod } = timingOf(profile);
  return {
    "leader-elect-lease-duration": leaseDuration,
    "leader-elect-renew-deadline": renewDeadline,
    "leader-elect-retry-period": retryPeriod,
  };
}

function args(values: Record<string, string>): { name: string; value: string }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** JSON documents, which every YAML reader takes. */
function yamlDocuments(documents: readonly object[]): string {
  return documents.map((document) => `---\n${JSON.stringify(document, undefined, 1)}\n`).join("");
}
