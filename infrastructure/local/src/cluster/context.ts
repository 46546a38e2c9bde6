import type { ToolCommand } from "../tools-tree.ts";

/** What a step of the work is. */
export interface Progress {
  /** The step in a few words, for example "start worker-0". */
  step: string;
  detail?: string;
}

/** Where and how the work is done. */
export interface LocalContext {
  /** Folder of the cluster's files; the infrastructure keeps to `constellation-local` in it. */
  workspaceDir: string;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Under emulation, workers that were never started wait for a call without this: there is no processor to spare. */
  deferWorkers?: boolean;
  /**
   * Nodes that the spec no longer asks for stay as they are, so that their work can be moved first; a call without this
   * ends them. A removal that was begun is finished all the same.
   */
  keepSurplus?: boolean;
  /** How to run netd with its configuration as last argument; default is this package's source by this Node. */
  netdCommand?: ToolCommand;
}
