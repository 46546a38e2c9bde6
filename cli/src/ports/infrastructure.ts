import type { NodeRecord } from "@constellation/config";

/** What machines a configuration asks for. */
export interface ClusterSpec {
  readonly name: string;
  /** Absolute path of the node image. */
  readonly imagePath: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly accel: "auto" | "kvm" | "tcg";
  readonly throwawayDisks: boolean;
  /** URLs of registry mirrors and of the KMS: nodes must be able to reach those on this computer. */
  readonly hostUrls: readonly string[];
  readonly nodeGroups: readonly {
    readonly name: string;
    readonly role: "control-plane" | "worker";
    readonly count: number;
    readonly stateDiskSizeGB: number;
  }[];
}

/** What the infrastructure tells of itself once it stands; it goes into the state file. */
export interface InfrastructureOutputs {
  readonly uid: string;
  /** Host or address of the cluster as seen from here. */
  readonly clusterEndpoint: string;
  /** Host or address of the API server as seen from nodes. */
  readonly inClusterEndpoint: string;
  readonly ipCidrNode: string;
  readonly apiServerCertSANs: readonly string[];
  /** Certificate of the authority that endorses the TPMs of this cluster, PEM. */
  readonly endorsementCA: string;
  readonly accel: "kvm" | "tcg";
  readonly nodes: readonly NodeRecord[];
  /** The nodes among them that the spec no longer asks for: see `keepSurplus`. */
  readonly surplus: readonly NodeRecord[];
}

/** State of one process of the local infrastructure. */
export interface ProcessStatus {
  /** For example `worker-0/machine`. */
  readonly name: string;
  readonly state: "running" | "crashed" | "stopped";
  readonly pid?: number;
  /** Why it is not running, where that is known. */
  readonly detail?: string;
}

/** One finding about what the infrastructure needs of this machine. */
export interface InfrastructureFinding {
  readonly name: string;
  readonly outcome: "ok" | "warning" | "failed";
  readonly text: string;
  readonly remedy?: string;
}

/** Options of long calls. */
export interface WorkOptions {
  readonly signal: AbortSignal;
  /** A new step of the work begins. */
  readonly onStep: (text: string) => void;
}

/** Options of `ensure`. */
export interface EnsureOptions extends WorkOptions {
  /** Workers may be created without being started, where machines are emulated; the next call starts them. */
  readonly deferWorkers?: boolean;
  /** Machines that the spec no longer asks for are left as they are, and named; the next call without this ends them. */
  readonly keepSurplus?: boolean;
}

/** The machines under a cluster. Every call can be cut off and made again to the same end. */
export interface InfrastructurePort {
  /** Creates what is missing, restarts what has died, removes what the spec no longer asks for. */
  ensure(spec: ClusterSpec, options: EnsureOptions): Promise<InfrastructureOutputs>;
  /** Ends every process of this workspace's cluster and deletes its files, as far as there still are any. */
  terminate(options: WorkOptions): Promise<{ readonly endedProcesses: number }>;
  /** How many processes of this workspace's cluster run, whatever files of it are left. */
  countProcesses(signal: AbortSignal): Promise<number>;
  /** Processes of this workspace's cluster; none if nothing was created. */
  status(signal: AbortSignal): Promise<readonly ProcessStatus[]>;
  /** Tools and virtualisation on this machine; virtualisation is tried with the image, where there is one. */
  examine(imagePath: string | undefined, signal: AbortSignal): Promise<readonly InfrastructureFinding[]>;
}
