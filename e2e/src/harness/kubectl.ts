import { setTimeout as delay } from "node:timers/promises";
import { componentProgram } from "./programs.ts";
import { mustRun, type ProgramResult, runProgram } from "./run-program.ts";
import { say } from "./say.ts";
import { minutes } from "./wait.ts";

const TIMEOUT_MS = minutes(3);
const ATTEMPTS = 5;
const PAUSE_MS = 10_000;
/**
 * How kubectl says that the API server, or the kubelet behind it, was too busy, or has not yet given a new namespace its
 * service account. What tests ask for may be done twice.
 */
const BUSY =
  /Unable to connect to the server|TLS handshake timeout|request did not complete within|etcdserver: |the server is currently unable|error dialing backend|Timeout occurred|context deadline exceeded|serviceaccount "default" not found/;

/** kubectl of the image's version, with one cluster's kubeconfig. */
export class Kubectl {
  readonly #program: string;
  readonly #kubeconfig: string;

  private constructor(program: string, kubeconfig: string) {
    this.#program = program;
    this.#kubeconfig = kubeconfig;
  }

  static async open(kubeconfig: string): Promise<Kubectl> {
    return new Kubectl(await componentProgram("kubectl", "kubectl"), kubeconfig);
  }

  /** Runs a command that must succeed, again while the servers are busy, and gives its output. @throws HarnessError */
  async run(args: readonly string[], stdin?: string): Promise<string> {
    const options = { timeoutMs: TIMEOUT_MS, ...(stdin === undefined ? {} : { stdin }) };
    for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
      const result = await runProgram(this.#program, this.#args(args), options);
      if (result.exitCode === 0) return result.stdout;
      if (!BUSY.test(result.stderr)) break;
      say(`kubectl ${args[0]}: ${result.stderr.trim().split("\n").at(-1)}`);
      await delay(PAUSE_MS);
    }
    return await mustRun(this.#program, this.#args(args), options);
  }

  /** Runs a command whose failure is a result. */
  attempt(args: readonly string[]): Promise<ProgramResult> {
    return runProgram(this.#program, this.#args(args), { timeoutMs: TIMEOUT_MS });
  }

  /** Objects as they are in the API. */
  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run([...args, "--output=json"])) as T;
  }

  /** Creates objects or brings them in line; the server checks them, without its schema coming here first. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.run(["apply", "--validate=false", "--filename=-"], JSON.stringify(list));
  }

  #args(args: readonly string[]): string[] {
    return [`--kubeconfig=${this.#kubeconfig}`, "--request-timeout=120s", ...args];
  }
}
