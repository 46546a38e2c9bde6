import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PCR_INDICES, type PcrPolicy, type QemuVtpmPolicy, serializePolicy } from "@constellation/attestation";
import { fromHex, hex } from "@constellation/bytes";
import {
  CLUSTER_STATE_NAME,
  CLUSTER_STATE_NAMESPACE,
  type ClusterState,
  type NodeRecord,
  serializeClusterState,
} from "@constellation/cluster-state";
import { stateDiskUuid } from "@constellation/keys";
import { type KubeApi, KubeClient } from "@constellation/kube";
import { AgentService, type RpcServer, serveUnix } from "@constellation/rpc";
import { createFakeTpmCa, type FakeTpm, type FakeTpmCa, fakeEventLog } from "@constellation/testkit/fake-tpm";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { Program } from "@constellation/testkit/program";
import { grantRights } from "./rbac.ts";

const JOIN_MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
// The other service is run as what it is, another program; nothing of it is imported.
const KEYS_MAIN = fileURLToPath(new URL("../../../keys/src/main.ts", import.meta.url));
const START_TIMEOUT_MS = 60_000;

export const CLUSTER_ID = new Uint8Array(32).fill(0xc1);
export const MASTER_SECRET = Uint8Array.from({ length: 32 }, (_, index) => index);
export const MASTER_SECRET_SALT = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);

type MountedFiles = Readonly<Record<string, Uint8Array | string>>;

/** A machine of the test cluster: its TPM and its record. */
export interface Machine {
  readonly tpm: FakeTpm;
  readonly record: NodeRecord;
}

/**
 * A control plane as far as joining is concerned: real etcd and API server, key service and join service as programs of
 * their own, and an agent that answers for the first machine's TPM.
 */
export class TestCluster {
  readonly api: KubeApiserver;
  readonly kube: KubeApi;
  readonly tpmCa: FakeTpmCa;
  readonly machines: ReadonlyMap<string, Machine>;
  readonly joinService: Program;
  readonly keyService: Program;
  readonly port: number;
  readonly #directory: string;
  readonly #agent: RpcServer<string>;

  private constructor(
    parts: Omit<
      TestCluster,
      "stop" | "machine" | "mountKms" | "setSecret" | "setState" | "audit" | "auditBeyond" | "kube"
    >,
    internal: Internal,
  ) {
    this.api = parts.api;
    this.kube = KubeClient.fromKubeconfig(parts.api.adminKubeconfig());
    this.tpmCa = parts.tpmCa;
    this.machines = parts.machines;
    this.joinService = parts.joinService;
    this.keyService = parts.keyService;
    this.port = parts.port;
    this.#directory = internal.directory;
    this.#agent = internal.agent;
  }

  static async start(): Promise<TestCluster> {
    const api = await KubeApiserver.start();
    const directory = await mkdtemp(join(tmpdir(), "join-service-"));
    const tpmCa = await createFakeTpmCa();
    const machines = await createMachines(tpmCa);
    await prepareApi(api, directory, clusterState(tpmCa, machines));
    await writeServiceFiles(api, directory);
    const agent = await serveAgent(join(directory, "agent.sock"), machineOf(machines, "control-plane-0").tpm);
    const keyService = await startService("key-service", KEYS_MAIN, directory, {
      "pod-host": "127.0.0.1",
      "pod-port": "0",
      pki: join(directory, "pki"),
      secret: join(directory, "secret"),
    });
    const joinService = await startService("join-service", JOIN_MAIN, directory, {
      "api-server": `127.0.0.1:${api.port}`,
      "service-account": join(directory, "service-account"),
      "agent-socket": agent.address,
      "key-service": `127.0.0.1:${keyService.port}`,
      pki: join(directory, "pki"),
      "kubernetes-pki": api.pkiDirectory,
      kms: join(directory, "kms"),
      "wrapped-root": join(directory, "wrapped-root"),
    });
    const { port } = joinService;
    const programs = { joinService: joinService.program, keyService: keyService.program };
    return new TestCluster({ api, tpmCa, machines, port, ...programs }, { directory, agent });
  }

  machine(name: string): Machine {
    return machineOf(this.machines, name);
  }

  /** Mounts what clusters with an external KMS have; or takes it away. */
  async mountKms(files: { readonly kms: MountedFiles; readonly wrappedRoot: MountedFiles } | undefined): Promise<void> {
    for (const [folder, content] of [
      ["kms", files?.kms],
      ["wrapped-root", files?.wrappedRoot],
    ] as const) {
      await rm(join(this.#directory, folder), { recursive: true, force: true });
      if (content === undefined) continue;
      await mkdir(join(this.#directory, folder));
      for (const [name, data] of Object.entries(content)) await writeFile(join(this.#directory, folder, name), data);
    }
  }

  /** Changes what is on record. */
  async setState(change: (state: ClusterState) => Partial<ClusterState>): Promise<void> {
    const state = clusterState(this.tpmCa, this.machines);
    const data = serializeClusterState({ ...state, ...change(state) });
    await this.kube.patchConfigMap(CLUSTER_STATE_NAMESPACE, CLUSTER_STATE_NAME, { data });
  }

  /** The log lines of the join service, of one event. */
  async audit(event: string): Promise<Record<string, unknown>[]> {
    const lines = (await this.joinService.output()).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line.event === event);
  }

  /** The log lines of an event when there are more than `count`: a refused client may hear of it before the log does. */
  async auditBeyond(event: string, count: number): Promise<Record<string, unknown>[]> {
    let lines: Record<string, unknown>[] = [];
    await this.joinService.ready(async () => {
      lines = await this.audit(event);
      if (lines.length <= count) throw new Error(`got "${lines.length}" lines of "${event}", wanted more`);
    }, START_TIMEOUT_MS);
    return lines;
  }

  /** Replaces the entries of the master secret's Secret, as the key service has them mounted. */
  async setSecret(entries: Readonly<Record<string, Uint8Array>>): Promise<void> {
    for (const [name, bytes] of Object.entries(entries)) {
      await writeFile(join(this.#directory, "secret", name), bytes);
    }
  }

  async stop(): Promise<void> {
    await this.joinService.stop();
    await this.keyService.stop();
    await this.#agent.close();
    await this.api.stop();
    await rm(this.#directory, { recursive: true });
  }
}

interface Internal {
  readonly directory: string;
  readonly agent: RpcServer<string>;
}

/** The policy of the test cluster: every PCR as a fake boot leaves it; PCR 15 as given, zero for a fresh node. */
export function testPolicy(tpmCa: FakeTpmCa, pcr15 = "00".repeat(32)): QemuVtpmPolicy {
  const booted = fakeEventLog().pcrs;
  const rule = (index: string): PcrPolicy => {
    const value = index === "15" ? fromHex(pcr15) : (booted.get(Number(index)) ?? new Uint8Array(32));
    return { kind: "equal", anyOf: [hex(value)] };
  };
  return {
    variant: "qemu-vtpm",
    endorsementRoots: [tpmCa.certificatePem],
    pcrs: Object.fromEntries(PCR_INDICES.map((index) => [index, rule(index)])) as QemuVtpmPolicy["pcrs"],
    endorsements: { kind: "anyOfRoots", reason: "records decide" },
  };
}

function machineOf(machines: ReadonlyMap<string, Machine>, name: string): Machine {
  const machine = machines.get(name);
  if (machine === undefined) throw new Error(`Find machine failed: got "${name}", wanted one of the records`);
  return machine;
}

async function createMachines(tpmCa: FakeTpmCa): Promise<ReadonlyMap<string, Machine>> {
  const names = ["control-plane-0", "control-plane-1", "worker-0", "worker-1", "worker-2"];
  const machines = new Map<string, Machine>();
  for (const name of names) {
    const tpm = await tpmCa.createTpm();
    const role = name.startsWith("worker") ? "worker" : "control-plane";
    const { ekDigest } = tpm;
    machines.set(name, { tpm, record: { name, role, ekDigest, diskUuid: stateDiskUuid(fromHex(ekDigest)) } });
  }
  return machines;
}

function clusterState(tpmCa: FakeTpmCa, machines: ReadonlyMap<string, Machine>): ClusterState {
  return {
    policyJson: serializePolicy(testPolicy(tpmCa)),
    nodes: [...machines.values()].map(({ record }) => record),
    settings: {
      clusterId: hex(CLUSTER_ID),
      serviceCidr: "10.96.0.0/12",
      timingProfile: "patient",
      registryMirrors: [{ registry: "_default", endpoints: ["http://10.42.0.2:5000"] }],
    },
  };
}

async function prepareApi(api: KubeApiserver, directory: string, state: ClusterState): Promise<void> {
  const configMaps = "/api/v1/namespaces/kube-system/configmaps";
  const metadata = { name: CLUSTER_STATE_NAME };
  await api.create(configMaps, { kind: "ConfigMap", metadata, data: serializeClusterState(state) });
  await api.create(configMaps, { kind: "ConfigMap", metadata: { name: "kubeadm-config" }, data: {} });
  await grantRights(api);
  const folder = join(directory, "service-account");
  await mkdir(folder);
  await writeFile(join(folder, "token"), await api.createServiceAccount("kube-system", "join-service"));
  await writeFile(join(folder, "ca.crt"), api.pki.clusterCa.certificatePem);
}

async function writeServiceFiles(api: KubeApiserver, directory: string): Promise<void> {
  const { serviceCa } = api.pki;
  await mkdir(join(directory, "pki"));
  await mkdir(join(directory, "secret"));
  await writeFile(join(directory, "pki", "ca.crt"), serviceCa.certificatePem);
  for (const name of ["key-service", "join-service"]) {
    const issued = await serviceCa.issue({ commonName: name, uris: [`constellation://service/${name}`] });
    await writeFile(join(directory, "pki", `${name}.crt`), issued.certificatePem);
    await writeFile(join(directory, "pki", `${name}.key`), issued.keyPem);
  }
  await writeFile(join(directory, "secret", "mastersecret"), MASTER_SECRET);
  await writeFile(join(directory, "secret", "salt"), MASTER_SECRET_SALT);
}

/** The agent of an initialised control plane: its PCR 15 is not looked at here, but by who joins. */
function serveAgent(path: string, tpm: FakeTpm): Promise<RpcServer<string>> {
  return serveUnix({
    path,
    mode: 0o600,
    routes: (router) =>
      router.service(AgentService, { issueEvidence: ({ reportData }) => ({ evidence: tpm.evidence({ reportData }) }) }),
  });
}

async function startService(
  name: string,
  main: string,
  directory: string,
  flags: Readonly<Record<string, string>>,
): Promise<{ program: Program; port: number }> {
  const all = { host: "127.0.0.1", port: "0", "health-port": "0", ...flags };
  const args = Object.entries(all).map(([flag, value]) => `--${flag}=${value}`);
  const program = new Program(name, process.execPath, [main, ...args], join(directory, `${name}.log`));
  let port = 0;
  await program.ready(async () => {
    const listening = /"event":"listening","address":"127.0.0.1","port":(\d+)/.exec(await program.output());
    if (listening === null) throw new Error("it does not listen yet");
    port = Number(listening[1]);
  }, START_TIMEOUT_MS);
  return { program, port };
}
