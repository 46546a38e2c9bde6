import type {
  EncryptedObject,
  KeyringChange,
  KeyringSecret,
  NodeGenerations,
  VolumeGeneration,
} from "../ports/keyring.ts";
import type { KubernetesNode, KubernetesPod, KubernetesPort } from "../ports/cluster.ts";

/** An API server in memory. */
export class FakeKubernetes implements KubernetesPort {
  /** Entries of the keyring's Secret. */
  keyring: Record<string, Uint8Array> | undefined;
  rewrittenGeneration = 1;
  /** How often the keyring's Secret is changed by others before ours. */
  keyringConflicts = 0;
  nodeKeys: NodeGenerations[] = [];
  volumes: VolumeGeneration[] = [];
  encrypted: EncryptedObject[] = [];
  readonly rewritten: string[] = [];
  /** Names of Deployments beside DNS that are there. */
  readonly deployments = new Set<string>();
  #keyringVersion = 1;

  async readKeyring(): Promise<KeyringSecret | undefined> {
    this.onCall();
    if (this.keyring === undefined) return undefined;
    const entries = Object.entries(this.keyring).map(([name, bytes]) => [name, Uint8Array.from(bytes)]);
    return {
      entries: Object.fromEntries(entries),
      resourceVersion: String(this.#keyringVersion),
      rewrittenGeneration: this.rewrittenGeneration,
    };
  }

  async changeKeyring({ resourceVersion }: KeyringSecret, change: KeyringChange): Promise<boolean> {
    this.onCall();
    this.onChange("change keyring");
    if (this.keyringConflicts > 0) {
      this.keyringConflicts--;
      this.#keyringVersion++;
    }
    if (resourceVersion !== String(this.#keyringVersion)) return false;
    const copies = Object.entries(change.entries ?? {}).map(([name, bytes]) => [name, Uint8Array.from(bytes)]);
    this.keyring = { ...this.keyring, ...Object.fromEntries(copies) };
    this.rewrittenGeneration = change.rewrittenGeneration ?? this.rewrittenGeneration;
    this.#keyringVersion++;
    return true;
  }

  async nodeGenerations(): Promise<readonly NodeGenerations[]> {
    this.onCall();
    return this.nodeKeys;
  }

  async volumeGenerations(): Promise<readonly VolumeGeneration[]> {
    this.onCall();
    return this.volumes;
  }

  /** Pages of one. */
  async listEncrypted(
    resource: EncryptedObject["resource"],
    next: string | undefined,
  ): Promise<{ objects: readonly EncryptedObject[]; next?: string }> {
    this.onCall();
    const at = Number(next ?? 0);
    const all = this.encrypted.filter((object) => object.resource === resource);
    const objects = all.slice(at, at + 1);
    return at + 1 < all.length ? { objects, next: String(at + 1) } : { objects };
  }

  async rewrite({ namespace, name }: EncryptedObject): Promise<void> {
    this.onCall();
    this.onChange(`rewrite ${namespace}/${name}`);
    this.rewritten.push(`${namespace}/${name}`);
  }

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
    if (this.deployments.has(`${namespace}/${deployment}`)) return true;
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
