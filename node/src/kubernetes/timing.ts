import type { TimingProfile } from "@constellation/cluster-state";

/** Times that depend on how fast the machines are. "patient" is for emulated ones. */
export interface Timing {
  /** kubeadm's waits, as Go durations. */
  kubeadm: string;
  etcdHeartbeatMs: number;
  etcdElectionMs: number;
  leaseDuration: string;
  renewDeadline: string;
  retryPeriod: string;
  nodeStatusUpdateFrequency: string;
  nodeMonitorGracePeriod: string;
  runtimeRequestTimeout: string;
  /** How long the API server waits for an answer of the KMS plugin. */
  kmsTimeout: string;
  /** How often the kubelet's cAdvisor measures each container. */
  housekeepingInterval: string;
  /** When the kubelet gives up on a static pod. */
  staticPodProbe: { failureThreshold: number; periodSeconds: number; timeoutSeconds: number };
  /** What Cilium's agent asks for: on an emulated node its compiler starves with little, and etcd beside much. */
  ciliumAgentCpu: string;
}

const TIMINGS: Record<TimingProfile, Timing> = {
  default: {
    kubeadm: "4m0s",
    etcdHeartbeatMs: 100,
    etcdElectionMs: 1000,
    leaseDuration: "15s",
    renewDeadline: "10s",
    retryPeriod: "2s",
    nodeStatusUpdateFrequency: "10s",
    nodeMonitorGracePeriod: "50s",
    runtimeRequestTimeout: "2m0s",
    kmsTimeout: "10s",
    housekeepingInterval: "10s",
    staticPodProbe: { failureThreshold: 8, periodSeconds: 10, timeoutSeconds: 15 },
    ciliumAgentCpu: "100m",
  },
  patient: {
    kubeadm: "10m0s",
    etcdHeartbeatMs: 500,
    etcdElectionMs: 5000,
    // A busy node has kept etcd from answering for most of a minute; a leader that starts again takes more of it.
    leaseDuration: "120s",
    renewDeadline: "100s",
    retryPeriod: "15s",
    nodeStatusUpdateFrequency: "20s",
    nodeMonitorGracePeriod: "180s",
    runtimeRequestTimeout: "10m0s",
    kmsTimeout: "60s",
    housekeepingInterval: "60s",
    staticPodProbe: { failureThreshold: 60, periodSeconds: 20, timeoutSeconds: 60 },
    ciliumAgentCpu: "300m",
  },
};

export function timingOf(profile: TimingProfile): Timing {
  return TIMINGS[profile];
}
