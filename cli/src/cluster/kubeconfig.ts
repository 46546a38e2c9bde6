import { isMap, isSeq, parseDocument } from "yaml";
import { CliError } from "../errors.ts";

const API_SERVER_PORT = 6443;

/**
 * Points every cluster of a kubeconfig at the endpoint as it is seen from the operator's side.
 *
 * @throws CliError `cluster` if the text is no kubeconfig; the message does not quote it, as it holds a private key
 */
export function withServer(kubeconfig: string, host: string): string {
  const document = parseDocument(kubeconfig);
  const clusters = document.get("clusters");
  if (document.errors.length > 0 || !isSeq(clusters) || clusters.items.length === 0) {
    throw new CliError("cluster", "Read kubeconfig of the new cluster failed: got other text, wanted a kubeconfig");
  }
  for (const entry of clusters.items) {
    if (isMap(entry)) entry.setIn(["cluster", "server"], `https://${host}:${API_SERVER_PORT}`);
  }
  return document.toString({ lineWidth: 0 });
}
