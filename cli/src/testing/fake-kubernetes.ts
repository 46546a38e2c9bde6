import type { KubernetesNode, KubernetesPod, KubernetesPort } from "../ports/cluster.ts";

/** An API server in memory. */
export class FakeKubernetes implements KubernetesPort {
  /** Data of kube-system/constellation-cluster. */
  configMap: Record<string, string> | undefined;
  list: KubernetesNode[] = [];
  /** Whether the cluster's DNS answers; undefined if it has no such Deployment. */
  dns: boolean | undefined = true;
  /** Movable pods by node. */
  readonly pods = new Map<string, KubernetesPod[]>();
  /** Nodes onto which no new pods may come. */
  readonly cordoned = new Set<string>();
  readonly deleted: string[] = [];
  /** Called before each answer; may throw. */
  onCall: () => void = () => {};
  /** Called before each change with what it is, as `evict web`; may throw. */
  onChange: (change: string) => void = () => {};

  async requireReady(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.onCall();
  }

  async nodes(signal: AbortSignal): Promise<readonly KubernetesNode[]> {
    signal.throwIfAborted();
    this.onCall();
    return this.list;
  }

  async isAvailable(namespace: string, deployment: string, signal: AbortSignal): Promise<boolean | undefined> {
    signal.throwIfAborted();
    this.onCall();
    return namespace === "kube-system" && deployment === "coredns" ? this.dns : undefined;
  }

  /** Pods of kube-system/key-service. */
  keyServices = { wanted: 1, ready: 1 };
  /** Names in kube-system/constellation-master-secret. */
  rootKeyNames: readonly string[] = ["mastersecret", "salt"];

  async podsOf(): Promise<{ readonly wanted: number; readonly ready: number } | undefined> {
    this.onCall();
    return this.keyServices;
  }

  async secretKeys(): Promise<readonly string[] | undefined> {
    this.onCall();
    return this.rootKeyNames;
  }

  async setSchedulable(node: string, schedulable: boolean): Promise<boolean> {
    this.onCall();
    this.onChange(`${schedulable ? "uncordon" : "cordon"} ${node}`);
    if (schedulable) this.cordoned.delete(node);
    else this.cordoned.add(node);
    return this.list.some(({ name }) => name === node);
  }

  async movablePods(node: string): Promise<readonly KubernetesPod[]> {
    this.onCall();
    return this.pods.get(node) ?? [];
  }

  async evictPod(pod: KubernetesPod): Promise<void> {
    this.onCall();
    this.onChange(`evict ${pod.name}`);
    for (const [node, pods] of this.pods) {
      const left = pods.filter(({ uid }) => uid !== pod.uid);
      this.pods.set(node, left);
    }
  }

  async deleteNode(node: string): Promise<void> {
    this.onCall();
    this.onChange(`delete ${node}`);
    this.deleted.push(node);
    this.list = this.list.filter(({ name }) => name !== node);
    this.cordoned.delete(node);
  }

  async readConfigMap(): Promise<Readonly<Record<string, string>> | undefined> {
    this.onCall();
    return this.configMap;
  }

  async updateConfigMap(_namespace: string, _name: string, data: Readonly<Record<string, string>>): Promise<void> {
    this.onCall();
    this.onChange("update records");
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
