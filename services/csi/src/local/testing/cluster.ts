import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeApi, KubeClient, KubeMirror, type KubeObject, type KubeResources } from "@constellation/kube";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { parseAllDocuments } from "yaml";
import {
  CAPACITIES,
  type Claim,
  CLAIMS,
  EVENTS,
  type KubeEvent,
  type StorageCapacity,
  type Volume,
  VOLUMES,
} from "../kube-types.ts";
import { ANNOTATIONS, DRIVER_NAME, FINALIZER } from "../names.ts";
import { Wakeup } from "../wakeup.ts";

const MANIFEST = join(import.meta.dirname, "../../../../../image/manifests/csi-local.yaml");
const PATHS: Readonly<Record<string, string>> = {
  CSIDriver: "/apis/storage.k8s.io/v1/csidrivers",
  StorageClass: "/apis/storage.k8s.io/v1/storageclasses",
  ClusterRole: "/apis/rbac.authorization.k8s.io/v1/clusterroles",
  ClusterRoleBinding: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
  Role: "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/roles",
  RoleBinding: "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system/rolebindings",
  ValidatingAdmissionPolicy: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
  ValidatingAdmissionPolicyBinding: "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
};

/** What a test asks of a claim. */
export interface ClaimWish {
  readonly name: string;
  readonly storage: string;
  readonly storageClassName?: string;
  readonly accessModes?: readonly string[];
  readonly volumeMode?: string;
}

/** A real API server with the driver's manifest, and a hand that does what scheduler and PV controller would. */
export class TestCluster {
  readonly server: KubeApiserver;
  readonly claims: KubeResources<Claim>;
  readonly volumes: KubeResources<Volume>;
  readonly #seen: {
    readonly claims: KubeMirror<Claim>;
    readonly volumes: KubeMirror<Volume>;
    readonly capacities: KubeMirror<StorageCapacity>;
    readonly events: KubeMirror<KubeEvent>;
  };
  readonly #stop = new AbortController();
  readonly #wakeup = new Wakeup();
  readonly #following: Promise<unknown>;

  private constructor(server: KubeApiserver, api: KubeApi) {
    this.server = server;
    this.claims = api.resources(CLAIMS);
    this.volumes = api.resources(VOLUMES);
    const options = { onChange: () => this.#wakeup.wake() };
    this.#seen = {
      claims: new KubeMirror(this.claims, options),
      volumes: new KubeMirror(this.volumes, options),
      capacities: new KubeMirror(api.resources(CAPACITIES), options),
      events: new KubeMirror(api.resources(EVENTS), options),
    };
    this.#following = Promise.all(Object.values(this.#seen).map((mirror) => mirror.run(this.#stop.signal)));
  }

  static async start(): Promise<TestCluster> {
    const server = await KubeApiserver.start();
    try {
      for (const document of parseAllDocuments(await readFile(MANIFEST, "utf8"))) {
        const object = document.toJS() as { kind: string };
        await server.create(PATHS[object.kind] ?? object.kind, object);
      }
      await server.createServiceAccount("kube-system", "csi");
      const limits = { requestTimeoutMs: 60_000 };
      return new TestCluster(server, KubeClient.fromKubeconfig(server.adminKubeconfig(), limits));
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.server.stop();
  }

  /** A node, and the API as the driver's pod on it has it: with a token that names the node. */
  async addNode(name: string): Promise<KubeApi> {
    await this.server.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name } });
    const namespace = "/api/v1/namespaces/kube-system";
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `csi-${name}` },
      spec: { nodeName: name, serviceAccountName: "csi", containers: [{ name: "csi", image: "csi" }] },
    };
    const created = await this.server.call("POST", `${namespace}/pods`, pod);
    const { uid } = created.body["metadata"] as { uid: string };
    const { body } = await this.server.call("POST", `${namespace}/serviceaccounts/csi/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: `csi-${name}`, uid } },
    });
    const { token } = body["status"] as { token: string };
    const ca = this.server.pki.clusterCa.certificatePem;
    const url = new URL(`https://${this.server.host}:${this.server.port}`);
    return new KubeApi(url, () => Promise.resolve({ ca, token }), { requestTimeoutMs: 60_000 });
  }

  /** Waits until something holds, looking again at each change. */
  async until<T>(what: string, holds: () => T | undefined | false, timeoutMs = 30_000): Promise<T> {
    const bound = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const value = holds();
      if (value !== undefined && value !== false) return value;
      if (bound.aborted) throw new Error(`Wait failed: got no ${what} in ${timeoutMs} ms; ${this.#picture()}`);
      await this.#wakeup.wait(timeoutMs, bound);
    }
  }

  claim(name: string): Claim | undefined {
    return this.#seen.claims.get({ namespace: "default", name });
  }

  /** The volume of a claim, by name alone. */
  volumeOf(claim: Claim): Volume | undefined {
    return this.#seen.volumes.get({ name: `pvc-${claim.metadata.uid}` });
  }

  capacities(): readonly StorageCapacity[] {
    return this.#seen.capacities.items();
  }

  /** Reasons of the events about an object. */
  reasons(name: string): string[] {
    const about = (event: KubeEvent): boolean => (event.involvedObject as { name?: string }).name === name;
    return this.#seen.events
      .items()
      .filter(about)
      .map(({ reason }) => reason);
  }

  messages(name: string): string[] {
    const about = (event: KubeEvent): boolean => (event.involvedObject as { name?: string }).name === name;
    return this.#seen.events
      .items()
      .filter(about)
      .map(({ message }) => message);
  }

  /** A user's claim, before anybody has looked at it. */
  createClaim({ name, storage, storageClassName = "encrypted-rwo", ...wish }: ClaimWish): Promise<Claim> {
    const { accessModes = ["ReadWriteOnce"], volumeMode = "Filesystem" } = wish;
    const spec = { accessModes, volumeMode, storageClassName, resources: { requests: { storage } } };
    return this.claims.create({ metadata: { namespace: "default", name }, spec });
  }

  /** What the scheduler does for the first pod, and the PV controller after it. */
  async selectNode(name: string, nodeName: string): Promise<Claim> {
    const annotations = { [ANNOTATIONS.selectedNode]: nodeName, [ANNOTATIONS.provisioner]: DRIVER_NAME };
    return this.claims.patch({ namespace: "default", name }, { metadata: { annotations } });
  }

  /** What the PV controller does when there is a volume for a claim. */
  async bind(claim: Claim): Promise<void> {
    const key = { namespace: "default", name: claim.metadata.name };
    const volume = await this.until("volume", () => this.volumeOf(claim));
    await this.volumes.patchStatus(volume.metadata, { status: { phase: "Bound" } });
    const annotations = { "pv.kubernetes.io/bind-completed": "yes" };
    await this.claims.patch(key, { metadata: { annotations }, spec: { volumeName: volume.metadata.name } });
    await this.claims.patchStatus(key, { status: { phase: "Bound", capacity: volume.spec.capacity } });
  }

  /** A user deletes a claim, and the PV controller finds its volume without one. */
  async deleteClaim(name: string): Promise<void> {
    const key = { namespace: "default", name };
    const claim = await this.claims.get(key);
    await this.claims.delete(key, claim.metadata.uid ?? "");
    await this.claims.patch(key, { metadata: { finalizers: null } });
    const volume = this.volumeOf(claim);
    if (volume === undefined) return;
    // Another controller takes its protection off volumes that nobody claims.
    await this.volumes.patch(volume.metadata, { metadata: { finalizers: [FINALIZER] } });
    await this.volumes.patchStatus(volume.metadata, { status: { phase: "Released" } });
  }

  #picture(): string {
    const show = (objects: readonly KubeObject[]): string => JSON.stringify(objects).slice(0, 4_000);
    const { claims, volumes, events } = this.#seen;
    return `claims ${show(claims.items())}, volumes ${show(volumes.items())}, events ${show(events.items())}`;
  }
}
