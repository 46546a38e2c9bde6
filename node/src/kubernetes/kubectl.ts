import { NodeError } from "../errors.ts";
import type { Exec } from "../exec/exec.ts";
import { PATHS } from "../options.ts";

/** kubectl with the node's own admin credentials. Each method throws NodeError `kubernetes`. */
export interface Kubectl {
  /** Server-side apply of objects from memory; secrets go by standard input. */
  applyObjects(objects: readonly object[], signal: AbortSignal): Promise<void>;
  /** Server-side apply of YAML documents. */
  applyText(text: string, signal: AbortSignal): Promise<void>;
}

const APPLY = [
  "apply",
  "--server-side",
  "--force-conflicts",
  "--field-manager=constellation",
  "--request-timeout=120s",
];

export function createKubectl(exec: Exec, adminConf: string = PATHS.adminConf): Kubectl {
  const applyText = async (text: string, signal: AbortSignal): Promise<void> => {
    const args = [`--kubeconfig=${adminConf}`, ...APPLY, "--filename=-"];
    try {
      await exec({ program: "kubectl", args, stdin: new TextEncoder().encode(text) }, signal);
    } catch (cause) {
      throw new NodeError("kubernetes", "Apply objects failed", { cause });
    }
  };
  return {
    applyText,
    applyObjects: (objects, signal) =>
      applyText(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }), signal),
  };
}
