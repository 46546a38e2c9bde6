import type { NodeRecord } from "@constellation/config";
import type {
  ClusterSpec,
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

  ensure(
    spec: ClusterSpec,
    options: WorkOptions & { readonly deferWorkers?: boolean },
  ): Promise<InfrastructureOutputs> {
    options.onStep("Start machines");
    this.onEnsure(options);
    options.signal.throwIfAborted();
    this.specs.push(spec);
    this.deferrals.push(options.deferWorkers === true);
    const nodes = spec.nodeGroups.flatMap((group) =>
      Array.from({ length: group.count }, (_, index) => nodeRecord(group, index)),
    );
    this.processes = nodes.map((node, index) => ({ name: `${node.name}/machine`, state: "running", pid: 100 + index }));
    return Promise.resolve({
      uid: "abcd1234",
      clusterEndpoint: "127.9.9.1",
      inClusterEndpoint: "10.42.0.10",
      ipCidrNode: "10.42.0.0/24",
      apiServerCertSANs: ["127.9.9.1", "10.42.0.10"],
      endorsementCA: FAKE_CA,
      accel: "tcg",
      nodes,
    });
  }

  terminate(): Promise<void> {
    this.terminated++;
    this.processes = [];
    return Promise.resolve();
  }

  status(): Promise<readonly ProcessStatus[]> {
    return Promise.resolve(this.processes);
  }

  examine(): Promise<readonly InfrastructureFinding[]> {
    return Promise.resolve(this.findings);
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
