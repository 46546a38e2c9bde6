import type { KubernetesNode, KubernetesPort } from "../ports/cluster.ts";

/** An API server in memory. */
export class FakeKubernetes implements KubernetesPort {
  /** Data of kube-system/constellation-cluster. */
  configMap: Record<string, string> | undefined;
  list: KubernetesNode[] = [];
  /** Called before each answer; may throw. */
  onCall: () => void = () => {};

  async nodes(signal: AbortSignal): Promise<readonly KubernetesNode[]> {
    signal.throwIfAborted();
    this.onCall();
    return this.list;
  }

  async readConfigMap(): Promise<Readonly<Record<string, string>> | undefined> {
    this.onCall();
    return this.configMap;
  }

  async updateConfigMap(_namespace: string, _name: string, data: Readonly<Record<string, string>>): Promise<void> {
    this.onCall();
    this.configMap = { ...this.configMap, ...data };
  }

  /** Sets the nodes of the cluster. */
  setNodes(names: readonly string[], ready: boolean): void {
    this.list = names.map((name) => ({
      name,
      ready,
      reason: ready ? "" : "CNI",
      version: "v1.36.4",
      address: "10.42.0.1",
    }));
  }
}
