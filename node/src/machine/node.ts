import type { RegistryMirror } from "@constellation/cluster-state";
import type { DiskKey } from "@constellation/keys";
import type { ClusterKeyManagement, OpenedKeyManagement } from "@constellation/kms/root";
import type { StateDisk } from "../disk/state-disk.ts";
import type { Exec } from "@constellation/exec";
import type { InitRun } from "../init/run.ts";
import type { EtcdKeys } from "../kms/etcd-keys.ts";
import type { Kubeadm } from "../kubernetes/kubeadm.ts";
import type { ClusterAdmin } from "../kubernetes/cluster-admin.ts";
import type { Console } from "../log/console.ts";
import type { Log } from "../log/log.ts";
import type { NodeOptions } from "../options.ts";
import type { AttesterOfNode } from "../platform/attester.ts";
import type { Metadata } from "../platform/metadata.ts";
import type { Sealer } from "../recovery/sealer.ts";
import type { ApiProxy } from "../run/api-proxy.ts";
import type { NodeState } from "../state/node-state.ts";
import type { Systemd } from "../systemd/units.ts";
import type { Services } from "./services.ts";

/** The state disk as the steps use it. */
export type DiskOfNode = Pick<
  StateDisk,
  | "inspect"
  | "createFresh"
  | "open"
  | "isOpen"
  | "replaceKey"
  | "commit"
  | "wipe"
  | "readRecovery"
  | "stageRecovery"
  | "writeRecovery"
>;

/** What the agent is made of, before it knows its machine. Tests put fakes here. */
export interface Dependencies {
  options: NodeOptions;
  exec: Exec;
  log: Log;
  console: Console;
  systemd: Systemd;
  cluster: ClusterAdmin;
  kubeadm: Kubeadm;
  now: () => Date;
  openPlatform: (signal: AbortSignal) => Promise<Platform>;
  openDisk: (uuid: string) => DiskOfNode;
  /** Mounts the opened disk and binds /var and the others into place. */
  mountState: (signal: AbortSignal) => Promise<void>;
  /** Brings the files on the state disk to the disk itself. */
  syncState: (signal: AbortSignal) => Promise<void>;
  /** Starts containerd and makes the measured images known to it. */
  startRuntime: (signal: AbortSignal) => Promise<void>;
  /** Names the machine for this boot. */
  setHostname: (name: string) => Promise<void>;
  writeRegistryMirrors: (mirrors: readonly RegistryMirror[]) => Promise<void>;
  /** Opens the external KMS of a cluster. */
  openKms: (keyManagement: ClusterKeyManagement, signal: AbortSignal) => Promise<OpenedKeyManagement>;
  apiProxy: Pick<ApiProxy, "setEndpoints">;
  services: Services;
  /** A control plane's keys for secrets in etcd; a worker's are never there. */
  etcdKeys: EtcdKeys;
}

/** What the machine is. */
export interface Platform {
  metadata: Metadata;
  address: string;
  attester: AttesterOfNode;
  diskUuid: string;
  /** Where the machine has a TPM that knows its image and its cluster; without, it can't recover by itself. */
  sealer?: Sealer | undefined;
}

/** A fresh node: a disk with a random passphrase, a container runtime that is starting. */
export interface FreshDisk {
  passphrase: DiskKey;
  /** Ends when the system images are there. */
  runtime: Promise<void>;
}

/** A node that belongs to a cluster: disk committed, state on it. */
export interface Member {
  state: NodeState;
  runtime: Promise<void>;
  /** Generation of the master secret that the state disk's key is from. */
  diskGeneration: number;
  /** The Init call that made this node a member, when that was in this life of the agent. */
  initRun?: InitRun;
}
