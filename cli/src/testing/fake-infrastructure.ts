import type { NodeRecord } from "@constellation/config";
import type {
  ClusterSpec,
  EnsureOptions,
  InfrastructureFinding,
  InfrastructureOutputs,
  InfrastructurePort,
  ProcessStatus,
  WorkOptions,
} from "../ports/infrastructure.ts";

/** Machines that exist in memory only. */
export class FakeInfrastructure implements InfrastructurePort {
  readonly specs: ClusterSpec[] = [];
  /** For each call of `ensure`, whether it let workers wait. */
  readonly deferrals: boolean[] = [];
  processes: ProcessStatus[] = [];
  findings: InfrastructureFinding[] = [{ name: "qemu", outcome: "ok", text: "qemu 10" }];
  terminated = 0;
  /** Called while machines are made; may throw. */
  onEnsure: (options: WorkOptions) => void = () => {};
  /** Called when machines have been made and ended, before that is told; may throw. */
  afterEnsure: () => void = () => {};
  #machines: NodeRecord[] = [];
  readonly #made = new Map<string, number>();

  async ensure(spec: ClusterSpec, options: EnsureOptions): Promise<InfrastructureOutputs> {
    options.onStep("Start machines");
    this.onEnsure(options);
    options.signal.throwIfAborted();
    this.specs.push(spec);
    this.deferrals.push(options.deferWorkers === true);
    const wanted = spec.nodeGroups.flatMap((group) =>
      Array.from({ length: group.count }, (_, index) => this.#machine(group, index)),
    );
    const surplus = this.#machines.filter(({ name }) => !wanted.some((node) => node.name === name));
    this.#machines = options.keepSurplus === true ? [...wanted, ...surplus] : wanted;
    const nodes = this.#machines;
    const left = this.processes.filter(({ name }) => surplus.some((node) => name === `${node.name}/machine`));
    this.processes = nodes.map((node, index) => {
      const name = `${node.name}/machine`;
      return left.find((process) => process.name === name) ?? { name, state: "running", pid: 100 + index };
    });
    this.afterEnsure();
    return {
      uid: "abcd1234",
      clusterEndpoint: "127.9.9.1",
      inClusterEndpoint: "10.42.0.10",
      ipCidrNode: "10.42.0.0/24",
      apiServerCertSANs: ["127.9.9.1", "10.42.0.10"],
      endorsementCA: FAKE_CA,
      accel: "tcg",
      nodes,
      surplus: nodes.filter((node) => surplus.includes(node)),
    };
  }

  async terminate(): Promise<{ readonly endedProcesses: number }> {
    const endedProcesses = await this.countProcesses();
    this.terminated++;
    this.processes = [];
    this.#machines = [];
    return { endedProcesses };
  }

  countProcesses(): Promise<number> {
    return Promise.resolve(this.processes.filter(({ state }) => state === "running").length);
  }

  status(): Promise<readonly ProcessStatus[]> {
    return Promise.resolve(this.processes);
  }

  examine(): Promise<readonly InfrastructureFinding[]> {
    return Promise.resolve(this.findings);
  }

  /** Names of the machines that there are. */
  get machines(): readonly string[] {
    return this.#machines.map(({ name }) => name);
  }

  /** The machine of that place; one that is made again is another one. */
  #machine(group: ClusterSpec["nodeGroups"][number], index: number): NodeRecord {
    const first = nodeRecord(group, index);
    const existing = this.#machines.find(({ name }) => name === first.name);
    if (existing !== undefined) return existing;
    const times = this.#made.get(first.name) ?? 0;
    this.#made.set(first.name, times + 1);
    if (times === 0) return first;
    const mark = String(times).padStart(4, "0");
    return { ...first, ekDigest: `${mark}${first.ekDigest.slice(4)}`, diskUUID: `${mark}${first.diskUUID.slice(4)}` };
  }

  /** Lets a machine die. */
  crash(node: string): void {
    this.processes = this.processes.map((process) =>
      process.name === `${node}/machine`
        ? { name: process.name, state: "crashed", detail: "see console.log" }
        : process,
    );
  }
}

const FAKE_CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

function nodeRecord(group: ClusterSpec["nodeGroups"][number], index: number): NodeRecord {
  const digit = group.role === "worker" ? `${index + 1}` : "abcdef".charAt(index);
  return {
    name: `${group.role}-${index}`,
    role: group.role,
    nodeGroup: group.name,
    ekDigest: digit.repeat(64),
    diskUUID: `${digit.repeat(8)}-0000-8000-8000-000000000000`,
    address: `10.42.0.${(group.role === "worker" ? 100 : 10) + index}`,
  };
}
