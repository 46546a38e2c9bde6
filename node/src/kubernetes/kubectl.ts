import { NodeError } from "../errors.ts";
import type { Exec } from "../exec/exec.ts";
import { PATHS } from "../options.ts";

/** kubectl with the node's own admin credentials. Each method throws NodeError `kubernetes`. */
export interface Kubectl {
  /** Server-side apply of objects from memory; secrets go by standard input. */
  applyObjects(objects: readonly object[], signal: AbortSignal): Promise<void>;
  /** Server-side apply of all files below a directory. */
  applyDirectory(directory: string, signal: AbortSignal): Promise<void>;
}

const APPLY = ["apply", "--server-side", "--force-conflicts", "--field-manager=constellation", "--request-timeout=120s"];

export function createKubectl(exec: Exec, adminConf: string = PATHS.adminConf): Kubectl {
  const apply = async (args: string[], stdin: Uint8Array | undefined, signal: AbortSignal): Promise<void> => {
    const all = [`--kubeconfig=${adminConf}`, ...APPLY, ...args];
    try {
      await exec({ program: "kubectl", args: all, ...(stdin === undefined ? {} : { stdin }) }, signal);
    } catch (cause) {
      throw new NodeError("kubernetes", `Apply objects failed`, { cause });
    }
  };
  return {
    applyObjects(objects, signal) {
      const list = { apiVersion: "v1", kind: "List", items: objects };
      return apply(["-f", "-"], new TextEncoder().encode(JSON.stringify(list)), signal);
    },
    applyDirectory: (directory, signal) => apply(["--recursive", "-f", directory], undefined, signal),
  };
}
