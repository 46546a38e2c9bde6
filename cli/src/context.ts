import type { EndorsementSource } from "@constellation/endorsements";
import type { Clock } from "./clock.ts";
import type { AppraiserPort, KubernetesPort, NodePort } from "./ports/cluster.ts";
import type { InfrastructurePort } from "./ports/infrastructure.ts";
import type { MachinePort } from "./ports/machine.ts";
import type { Io } from "./terminal/io.ts";
import type { Progress } from "./terminal/progress.ts";
import type { Workspace } from "./workspace/workspace.ts";

/** Everything outside of this program that commands use; made when first asked for, so that start-up stays quick. */
export interface Dependencies {
  infrastructure(workspace: Workspace): Promise<InfrastructurePort>;
  nodes(): Promise<NodePort>;
  appraiser(): Promise<AppraiserPort>;
  kubernetes(kubeconfig: string): Promise<KubernetesPort>;
  machine(): Promise<MachinePort>;
  /** Vendors' services over the network. `notify` hears what it did, for the log. */
  endorsements(options: EndorsementOptions, notify: (what: string) => void): Promise<EndorsementSource>;
  random(lengthBytes: number): Uint8Array;
}

/** Whom to ask for endorsements, where it is not the vendors themselves. */
export interface EndorsementOptions {
  readonly kdsUrl?: string;
  readonly pccsUrl?: string;
  /** Asks anew for what is in the cache. */
  readonly reload: boolean;
}

/** What every command gets. */
export interface Context {
  readonly io: Io;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly workspace: Workspace;
  readonly dependencies: Dependencies;
  /** Working directory of the user: paths on the command line are seen from here. */
  readonly workingDirectory: string;
  /** Folder of this program's checkout or installation: images built there are found. */
  readonly programFolder: string;
  readonly force: boolean;
  /** Whether reports go to stdout as JSON. */
  readonly json: boolean;
  /** Says something in detail, only with --debug. */
  readonly debug: (text: string) => void;
}
