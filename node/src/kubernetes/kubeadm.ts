import { NodeError } from "../errors.ts";
import type { Exec } from "@constellation/exec";

/** The parts of kubeadm that a node goes through. Each can be run again. All throw NodeError `kubernetes`. */
export interface Kubeadm {
  /** Makes certificates and keys that are not there yet. */
  createCertificates(configPath: string, signal: AbortSignal): Promise<void>;
  /** Writes kubeconfigs and static pods, waits for the API server, uploads its configuration, marks the node. */
  initControlPlane(configPath: string, signal: AbortSignal): Promise<void>;
  /** Makes certificates and kubeconfigs that are not there yet, and adds this node to the cluster's etcd. */
  joinEtcd(configPath: string, signal: AbortSignal): Promise<void>;
  /** Starts the other static pods of a node that is a member of etcd, and adds it to the control plane. */
  joinControlPlane(configPath: string, signal: AbortSignal): Promise<void>;
}

/**
 * Not done by kubeadm here: the kubelet (the same on all nodes, from our own configuration), images (measured, not
 * pulled), bootstrap tokens (joining nodes have certificates), addons (measured manifests). Nor does it wait for every
 * health check to pass: its next phases wait for an API server that answers, which is what is needed.
 */
const INIT_SKIPPED = [
  "preflight",
  "certs",
  "kubeconfig/kubelet",
  "kubelet-start",
  "kubelet-finalize",
  "wait-control-plane",
  "upload-certs",
  "bootstrap-token",
  "addon",
  "show-join-command",
];

const JOIN_SKIPPED = ["preflight", "kubelet-start", "kubelet-wait-bootstrap"];
/**
 * kubeadm starts the API server before it joins etcd, which the API server can't do without: it would end and be
 * started again, at growing intervals, just when the new member has to catch up (ADR 27).
 */
const JOIN_ETCD_SKIPPED = ["control-plane-prepare/control-plane", "control-plane-join", "wait-control-plane"];
const JOIN_REST_SKIPPED = ["download-certs", "certs", "kubeconfig"].map((name) => `control-plane-prepare/${name}`);

const TIMEOUT_MS = 40 * 60_000;

export function createKubeadm(exec: Exec, onOutput: (text: string) => void): Kubeadm {
  const run = async (what: string, args: string[], signal: AbortSignal): Promise<void> => {
    try {
      await exec({ program: "kubeadm", args, timeoutMs: TIMEOUT_MS, onOutput }, signal);
    } catch (cause) {
      throw new NodeError("kubernetes", `${what} failed`, { cause });
    }
  };
  const skip = (phases: readonly string[]): string => `--skip-phases=${phases.join(",")}`;
  return {
    createCertificates: (config, signal) =>
      run("Create cluster certificates", ["init", "phase", "certs", "all", `--config=${config}`], signal),
    initControlPlane: (config, signal) =>
      run("Start control plane", ["init", `--config=${config}`, skip(INIT_SKIPPED)], signal),
    joinEtcd: (config, signal) =>
      run("Join etcd", ["join", `--config=${config}`, skip([...JOIN_SKIPPED, ...JOIN_ETCD_SKIPPED])], signal),
    joinControlPlane: (config, signal) => {
      const skipped = [...JOIN_SKIPPED, ...JOIN_REST_SKIPPED, "check-etcd", "etcd-join"];
      return run("Join control plane", ["join", `--config=${config}`, skip(skipped)], signal);
    },
  };
}
