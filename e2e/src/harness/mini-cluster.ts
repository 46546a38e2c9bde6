import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_FILE, type NodeRecord, parseConfig, parseState, type State, STATE_FILE } from "@constellation/config";
import { consoleLog, GUEST_NETWORK, loadRecords } from "@constellation/infrastructure-local";
import { parseDocument } from "yaml";
import { cli } from "./cli.ts";
import { imageOfPrograms } from "./container-image.ts";
import { HarnessError } from "./error.ts";
import { Kubectl } from "./kubectl.ts";
import { creationTimeoutMs, LAST_START } from "./last-start.ts";
import { CHECKOUT, componentProgram, probeProgram } from "./programs.ts";
import { Registry } from "./registry.ts";
import type { ProgramResult } from "./run-program.ts";
import { say } from "./say.ts";
import { minutes } from "./wait.ts";
import { IMAGE } from "./workload.ts";

/** Kubeconfig in a workspace. */
export const ADMIN_CONF_FILE = "constellation-admin.conf";
const COMMAND_TIMEOUT_MS = minutes(10);

/** Programs that keep what tests give them, by component. */
const STORE_PROGRAMS = { etcd: ["etcd", "etcdctl"], minio: ["minio"] } as const;

/** What a cluster of the tests may have otherwise. */
export interface MiniClusterOptions {
  /** Machines boot the debug image, which has to be built. */
  readonly debug?: boolean;
  /** 1 by default. */
  readonly workers?: number;
  /** Programs of these components are in the tests' image, too. */
  readonly stores?: readonly (keyof typeof STORE_PROGRAMS)[];
}

/** The cluster of `mini up`, with a registry on this computer as mirror; all tests of a file share one. */
export class MiniCluster {
  /** Folder of the cluster's files, the only thing in {@link folder} that the CLI is told of. */
  readonly workspace: string;
  /** Folder for whatever else a test needs; goes with the cluster. */
  readonly folder: string;
  readonly registry: Registry;
  /** Whether the cluster is somebody's who works on these tests: it was there before or stays, and is not ended. */
  readonly kept: boolean;

  private constructor(folder: string, registry: Registry, kept: boolean) {
    this.folder = folder;
    this.workspace = join(folder, "mini");
    this.registry = registry;
    this.kept = kept;
  }

  /**
   * Starts the registry with the tests' image and writes the configuration; there are no machines yet. With
   * CONSTELLATION_E2E_FOLDER, the cluster in that folder is used if there is one, and stays.
   */
  static async prepare({ debug = false, workers = 1, stores = [] }: MiniClusterOptions = {}): Promise<MiniCluster> {
    const own = process.env["CONSTELLATION_E2E_FOLDER"];
    if (own !== undefined && own !== "") await mkdir(own, { recursive: true });
    const folder = own !== undefined && own !== "" ? own : await mkdtemp(join(tmpdir(), "constellation-e2e-"));
    const registry = await Registry.start(await mirrorPort(join(folder, "mini", CONFIG_FILE)));
    const cluster = new MiniCluster(folder, registry, folder === own);
    try {
      const programs = [await componentProgram("agnhost", "agnhost"), await probeProgram()];
      for (const store of stores) {
        for (const name of STORE_PROGRAMS[store]) programs.push(await componentProgram(store, name));
      }
      await registry.push(IMAGE.repository, IMAGE.tag, await imageOfPrograms(programs));
      if (!existsSync(join(cluster.workspace, CONFIG_FILE))) await cluster.#writeConfig(debug, workers);
      else if (workers !== 1 || (debug && !(await cluster.#isDebug()))) {
        throw new HarnessError("cluster", `Use ${own} failed: it has another cluster`);
      }
      return cluster;
    } catch (error) {
      await cluster.remove();
      throw error;
    }
  }

  /** `mini up`: creates the cluster or brings it up again. */
  up(): Promise<ProgramResult> {
    const timeoutMs = creationTimeoutMs(process.env[LAST_START], Date.now());
    return cli(["mini", "up", "--yes", "--workspace", this.workspace], timeoutMs);
  }

  /** Any other command on this workspace. */
  cli(...args: readonly string[]): Promise<ProgramResult> {
    return cli([...args, "--workspace", this.workspace], COMMAND_TIMEOUT_MS);
  }

  /** A command that must succeed. @throws HarnessError `cluster` */
  async mustCli(...args: readonly string[]): Promise<ProgramResult> {
    const result = await this.cli(...args);
    if (result.exitCode === 0) return result;
    throw new HarnessError("cluster", `Run constellation ${args.join(" ")} failed: exit ${result.exitCode}, wanted 0`);
  }

  kubectl(): Promise<Kubectl> {
    return Kubectl.open(join(this.workspace, ADMIN_CONF_FILE));
  }

  /** The state file as the CLI wrote it last. */
  async state(): Promise<State> {
    return parseState(await readFile(join(this.workspace, STATE_FILE), "utf8"));
  }

  /** The record of a node, as the CLI knows it. @throws HarnessError `cluster` */
  async record(name: string): Promise<NodeRecord> {
    const found = (await this.state()).infrastructure.qemu?.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    throw new HarnessError("cluster", `Find node "${name}" failed: it is not in ${STATE_FILE}`);
  }

  /** The host's loopback address on which a machine's ports are. */
  async loopbackAddress(name: string): Promise<string> {
    const found = (await loadRecords(this.workspace)).find((node) => node.name === name);
    if (found !== undefined) return found.loopbackAddress;
    throw new HarnessError("cluster", `Find machine "${name}" failed: there is none`);
  }

  /** Sets one field of the configuration; comments and everything else stay. */
  async configure(path: readonly (string | number)[], value: unknown): Promise<void> {
    await changeYaml(join(this.workspace, CONFIG_FILE), path, value);
  }

  console(name: string): Promise<string> {
    return consoleLog(this.workspace, name);
  }

  /** What the join service has logged, oldest first. */
  async joinServiceLog(): Promise<Record<string, unknown>[]> {
    const selector = ["--selector=app.kubernetes.io/name=join-service", "--tail=-1"];
    const kubectl = await this.kubectl();
    const text = await kubectl.run(["--namespace=kube-system", "logs", ...selector]);
    const lines = text.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Ends whatever is left of the cluster, and removes its files. */
  async remove(): Promise<void> {
    if (this.kept) return await this.registry.stop();
    await mkdir(this.workspace, { recursive: true });
    const everything = ["--yes", "--delete-master-secret", "--delete-config"];
    const { exitCode } = await this.cli("mini", "down", ...everything);
    await this.registry.stop();
    if (exitCode === 0) await rm(this.folder, { recursive: true, force: true });
    else say(`the cluster did not go; what is left is in ${this.folder}`);
  }

  /** Whether the configuration that is there is for the debug image. */
  async #isDebug(): Promise<boolean> {
    return parseConfig(await readFile(join(this.workspace, CONFIG_FILE), "utf8")).debugCluster;
  }

  /** As a user would: generate, then edit. The sizes are those of `mini`. */
  async #writeConfig(debug: boolean, workers: number): Promise<void> {
    const image = join(CHECKOUT, "build", debug ? "image-debug" : "image", "constellation.raw");
    await this.mustCli("config", "generate", "qemu", "--name", "mini", "--image", image);
    await this.configure(["nodeGroups", "control_plane_default", "initialCount"], 1);
    await this.configure(["nodeGroups", "worker_default", "initialCount"], workers);
    for (const group of ["control_plane_default", "worker_default"]) {
      await this.configure(["nodeGroups", group, "stateDiskSizeGB"], 8);
    }
    await this.configure(["provider", "qemu", "throwawayDisks"], true);
    const mirror = `http://${GUEST_NETWORK.gateway}:${this.registry.port}`;
    await this.configure(["registryMirrors"], { [IMAGE.registry]: [mirror] });
  }
}

/** The port of the mirror that a configuration names; undefined where there is no configuration yet. */
async function mirrorPort(configFile: string): Promise<number | undefined> {
  if (!existsSync(configFile)) return undefined;
  const [url] = parseConfig(await readFile(configFile, "utf8")).registryMirrors[IMAGE.registry] ?? [];
  return url === undefined ? undefined : Number(new URL(url).port);
}

/** Sets one field of a YAML file; a path has the keys as they stand there. */
export async function changeYaml(file: string, path: readonly (string | number)[], value: unknown): Promise<void> {
  const document = parseDocument(await readFile(file, "utf8"));
  if (!document.hasIn(path)) throw new HarnessError("cluster", `Change ${file} failed: it has no ${path.join(".")}`);
  document.setIn(path, value);
  await writeFile(file, document.toString({ lineWidth: 0 }));
}
