import { componentProgram } from "./programs.ts";
import { mustRun, type ProgramResult, runProgram } from "./run-program.ts";
import { minutes } from "./wait.ts";

const TIMEOUT_MS = minutes(3);

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

  /** Runs a command that must succeed, and gives its output. @throws HarnessError */
  run(args: readonly string[], stdin?: string): Promise<string> {
    return mustRun(this.#program, this.#args(args), {
      timeoutMs: TIMEOUT_MS,
      ...(stdin === undefined ? {} : { stdin }),
    });
  }

  /** Runs a command whose failure is a result. */
  attempt(args: readonly string[]): Promise<ProgramResult> {
    return runProgram(this.#program, this.#args(args), { timeoutMs: TIMEOUT_MS });
  }

  /** Objects as they are in the API. */
  async json<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run([...args, "--output=json"])) as T;
  }

  /** Creates objects or brings them in line. */
  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    await this.run(["apply", "--filename=-"], JSON.stringify(list));
  }

  #args(args: readonly string[]): string[] {
    return [`--kubeconfig=${this.#kubeconfig}`, "--request-timeout=120s", ...args];
  }
}
