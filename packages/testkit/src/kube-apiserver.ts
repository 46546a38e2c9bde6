import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiAnswer, type ApiCredentials, askHealth, callApi, kubeconfigText } from "./api-call.ts";
import { type ClusterPki, createClusterPki, writePki } from "./cluster-pki.ts";
import { freePorts, Program } from "./program.ts";
import type { TestIdentity } from "./test-ca.ts";
import { cacheFolder } from "./tool.ts";

export type { ApiAnswer, ApiCredentials } from "./api-call.ts";

const READY_TIMEOUT_MS = 120_000;
const START_ATTEMPTS = 3;
// What the API server advertises; nobody connects to it (a loopback address is refused there).
const ADVERTISED_ADDRESS = "10.42.0.10";

/**
 * A real etcd and a real kube-apiserver (Node and RBAC authorisers, NodeRestriction) as processes of this machine,
 * with a PKI laid out as on a node. Needs no root.
 */
export class KubeApiserver {
  /** Folder laid out as /etc/kubernetes/pki. */
  readonly pkiDirectory: string;
  readonly pki: ClusterPki;
  readonly host = "127.0.0.1";
  readonly port: number;
  /** The address that the cluster's own endpoint list names. */
  readonly advertisedEndpoint: string;
  /** Where etcd answers anyone. */
  readonly etcdEndpoint: string;
  readonly #directory: string;
  readonly #admin: TestIdentity;
  readonly #programs: Program[];
  readonly #startApiServer: () => Program;

  private constructor(parts: Parts, { programs, startApiServer }: Started) {
    this.#directory = parts.directory;
    this.pkiDirectory = parts.pkiDirectory;
    this.pki = parts.pki;
    this.port = parts.ports.api;
    this.advertisedEndpoint = `${ADVERTISED_ADDRESS}:${parts.ports.api}`;
    this.#admin = parts.admin;
    this.etcdEndpoint = `http://127.0.0.1:${parts.ports.etcdClient}`;
    this.#programs = programs;
    this.#startApiServer = startApiServer;
  }

  /**
   * Starts both programs and waits until the API server answers. Throws when the programs are not there.
   * @param apiServerArguments further arguments of the API server
   */
  static async start(apiServerArguments: readonly string[] = []): Promise<KubeApiserver> {
    const programs = componentPrograms(["etcd", "kube-apiserver"]);
    const directory = await mkdtemp(join(tmpdir(), "constellation-apiserver-"));
    try {
      const make = (parts: Parts, started: Started): KubeApiserver => new KubeApiserver(parts, started);
      return await startWithFreePorts(directory, make, programs, apiServerArguments);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Sends one request, as a cluster administrator unless other credentials are given. */
  async call(
    method: string,
    path: string,
    body?: object,
    credentials: ApiCredentials = this.#admin,
  ): Promise<ApiAnswer> {
    return callApi(this.port, this.pki, method, path, body, credentials);
  }

  /** Creates an object as administrator; throws with the server's words when it refuses. */
  async create(path: string, object: object): Promise<void> {
    const { status, body } = await this.call("POST", path, object);
    if (status !== 201) throw new Error(`Create at "${path}" failed: got "${status}": ${JSON.stringify(body)}`);
  }

  /** A service account with a token of one hour. */
  async createServiceAccount(namespace: string, name: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await this.create(path, { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } });
    return await this.requestToken(namespace, name);
  }

  /** A pod on a node, with a token of its service account as the kubelet projects it: bound to it, for an audience. */
  async createPodToken(namespace: string, account: string, pod: PodOptions): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}`;
    const spec = { nodeName: pod.node, serviceAccountName: account, containers: [{ name: "a", image: "a" }] };
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name: pod.name }, spec };
    const { status, body } = await this.call("POST", `${path}/pods`, object);
    if (status !== 201) throw new Error(`Create pod "${pod.name}" failed: got "${status}": ${JSON.stringify(body)}`);
    const { uid } = body.metadata as { uid: string };
    const boundObjectRef = { kind: "Pod", apiVersion: "v1", name: pod.name, uid };
    return await this.requestToken(namespace, account, { audiences: [pod.audience], boundObjectRef });
  }

  /** A token of one hour of a service account. @param spec further fields of the TokenRequest's spec */
  async requestToken(namespace: string, account: string, spec: object = {}): Promise<string> {
    const { body } = await this.call("POST", `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3600, ...spec },
    });
    return (body.status as { token: string }).token;
  }

  /** A kubeconfig of a cluster administrator. */
  adminKubeconfig(): string {
    return kubeconfigText(this.host, this.port, this.pki.clusterCa.certificatePem, this.#admin);
  }

  /** Stops the API server only, as a crash would. */
  async stopApiServer(): Promise<void> {
    await this.#programs[1]?.stop();
  }

  /** Starts the API server again, and waits until it answers. */
  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    const program = this.#startApiServer();
    this.#programs[1] = program;
    await program.ready(async () => {
      const { status } = await this.health("/livez");
      if (status !== 200) throw new Error(`API server answers "${status}"`);
    }, READY_TIMEOUT_MS);
  }

  /** Asks for `/livez` or `/readyz`, all checks named in the text. */
  health(path: string): Promise<{ status: number; text: string }> {
    return askHealth(this.port, this.pki, `${path}?verbose`, this.#admin);
  }

  /** Stops both programs and removes their files. */
  async stop(): Promise<void> {
    for (const program of this.#programs.toReversed()) await program.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A pod with a token. */
export interface PodOptions {
  readonly name: string;
  readonly node: string;
  /** Whom the token is for. */
  readonly audience: string;
}

interface Ports {
  readonly api: number;
  readonly etcdClient: number;
  readonly etcdPeer: number;
}

/** The programs that run, and how to start the second one anew. */
interface Started {
  readonly programs: Program[];
  readonly startApiServer: () => Program;
}

interface Parts {
  readonly directory: string;
  readonly pkiDirectory: string;
  readonly pki: ClusterPki;
  readonly admin: TestIdentity;
  readonly ports: Ports;
}

/**
 * Paths of components built by `image/`: from CONSTELLATION_COMPONENTS_DIR, else from the build's cache. Throws when one
 * is missing: a test that needs a real program must not pass without it.
 */
export function componentPrograms(names: readonly string[]): string[] {
  const directory = componentsFolder();
  const missing = names.filter((name) => !existsSync(join(directory, name)));
  if (missing.length > 0) {
    throw new Error(
      `Find components failed: got no ${missing.join(", ")} in "${directory}"; build them with 'make image' or set ` +
        "CONSTELLATION_COMPONENTS_DIR to a folder that has them",
    );
  }
  return names.map((name) => join(directory, name));
}

/** Whether a component that is built on demand is there. */
export function hasComponent(name: string): boolean {
  return existsSync(join(componentsFolder(), name));
}

function componentsFolder(): string {
  return process.env.CONSTELLATION_COMPONENTS_DIR ?? join(cacheFolder(), "components/current/bin");
}

// A free port can be taken by another between the look and the use: then all is started anew on others.
async function startWithFreePorts<T>(
  directory: string,
  make: (parts: Parts, started: Started) => T,
  [etcd = "", apiServer = ""]: readonly string[],
  further: readonly string[],
): Promise<T> {
  const pki = await createClusterPki(["127.0.0.1", ADVERTISED_ADDRESS, "10.96.0.1"]);
  const admin = await pki.clusterCa.issue({ commonName: "kubernetes-admin", organizations: ["system:masters"] });
  const pkiDirectory = join(directory, "pki");
  await writePki(pkiDirectory, pki.files);
  for (let attempt = 1; ; attempt++) {
    const [api = 0, etcdClient = 0, etcdPeer = 0] = await freePorts(3);
    const parts = { directory, pkiDirectory, pki, admin, ports: { api, etcdClient, etcdPeer } };
    try {
      return make(parts, await startPrograms(parts, { etcd, apiServer, further }, attempt));
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes("address already in use")) throw error;
    }
  }
}

async function startPrograms(
  parts: Parts,
  { etcd, apiServer, further }: { etcd: string; apiServer: string; further: readonly string[] },
  attempt: number,
): Promise<Started> {
  const { directory, ports, pki, admin } = parts;
  const dataDirectory = join(directory, `etcd-${attempt}`);
  await mkdir(dataDirectory, { mode: 0o700 });
  const started = [new Program("etcd", etcd, etcdArguments(dataDirectory, ports), join(directory, "etcd.log"))];
  try {
    await started[0]?.ready(async () => requireOk(`http://127.0.0.1:${ports.etcdClient}/readyz`), READY_TIMEOUT_MS);
    const log = join(directory, "kube-apiserver.log");
    const args = [...apiServerArguments(parts), ...further];
    const startApiServer = (): Program => new Program("kube-apiserver", apiServer, args, log);
    const server = startApiServer();
    started.push(server);
    await server.ready(async () => {
      const { status } = await callApi(ports.api, pki, "GET", "/api/v1/namespaces/kube-system", undefined, admin);
      const slice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
      const { status: sliceStatus } = await callApi(ports.api, pki, "GET", slice, undefined, admin);
      if (status !== 200 || sliceStatus !== 200) throw new Error(`API server answers "${status}", "${sliceStatus}"`);
    }, READY_TIMEOUT_MS);
    return { programs: started, startApiServer };
  } catch (error) {
    for (const program of started) await program.stop();
    throw error;
  }
}

async function requireOk(url: string): Promise<void> {
  const { ok, status } = await fetch(url);
  if (!ok) throw new Error(`"${url}" answers "${status}"`);
}

function etcdArguments(dataDirectory: string, { etcdClient, etcdPeer }: Ports): string[] {
  return [
    `--data-dir=${dataDirectory}`,
    `--listen-client-urls=http://127.0.0.1:${etcdClient}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdClient}`,
    `--listen-peer-urls=http://127.0.0.1:${etcdPeer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${etcdPeer}`,
    `--initial-cluster=default=http://127.0.0.1:${etcdPeer}`,
    "--unsafe-no-fsync",
  ];
}

function apiServerArguments({ pkiDirectory, ports }: Parts): string[] {
  const file = (name: string): string => join(pkiDirectory, name);
  return [
    `--etcd-servers=http://127.0.0.1:${ports.etcdClient}`,
    "--bind-address=127.0.0.1",
    `--advertise-address=${ADVERTISED_ADDRESS}`,
    `--secure-port=${ports.api}`,
    `--client-ca-file=${file("ca.crt")}`,
    `--tls-cert-file=${file("apiserver.crt")}`,
    `--tls-private-key-file=${file("apiserver.key")}`,
    `--service-account-key-file=${file("sa.pub")}`,
    `--service-account-signing-key-file=${file("sa.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--service-cluster-ip-range=10.96.0.0/12",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--anonymous-auth=false",
  ];
}
