import { NodeError } from "../errors.ts";
import type { Exec } from "../exec/exec.ts";

/** The parts of kubeadm that a node goes through. Each can be run again. All throw NodeError `kubernetes`. */
export interface Kubeadm {
  /** Makes certificates and keys that are not there yet. */
  createCertificates(configPath: string, signal: AbortSignal): Promise<void>;
  /** Writes kubeconfigs and static pods, waits for the API server, uploads its configuration, marks the node. */
  initControlPlane(configPath: string, signal: AbortSignal): Promise<void>;
  /** Adds this node to etcd and to the control plane of an existing cluster. */
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
    joinControlPlane: (config, signal) =>
      run("Join control plane", ["join", `--config=${config}`, skip(JOIN_SKIPPED)], signal),
  };
}
