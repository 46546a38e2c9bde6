import { readFile } from "node:fs/promises";
import { NodeError } from "../errors.ts";

const SERVER_LINE = /^(\s*server: )https:\/\/\S+$/gm;

/**
 * The administrator's kubeconfig for use from outside: kubeadm's, with the address of the cluster's endpoint in the
 * place of the node's own.
 * @throws NodeError `kubernetes`
 */
export async function adminKubeconfig(path: string, endpoint: string, port: number): Promise<Uint8Array> {
  const text = await readFile(path, "utf8");
  if (text.match(SERVER_LINE)?.length !== 1) {
    throw new NodeError("kubernetes", `Read admin kubeconfig "${path}" failed: got no single server line, wanted one`);
  }
  return new TextEncoder().encode(text.replace(SERVER_LINE, `$1https://${endpoint}:${port}`));
}
