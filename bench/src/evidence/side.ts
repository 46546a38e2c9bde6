import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Inputs, writeInputs } from "./inputs.ts";
import type { Timings } from "./work.ts";

/** One verifier in a process of its own, so that no other's heap and compiled code is in its way. */
export class Side {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<number | null>;

  constructor(name: string, command: readonly [string, ...string[]], inputs: Inputs) {
    const [program, ...args] = command;
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.name = name;
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.write(`${writeInputs(inputs)}\n`);
  }

  /** Has it verify some times, while all other sides wait. */
  async verify(count: number): Promise<Timings> {
    this.#child.stdin?.write(`${count}\n`);
    const answer = await this.#answers.next();
    if (answer.done !== true) return JSON.parse(answer.value) as Timings;
    throw new Error(`Measure ${this.name} failed: it ended with ${await this.#ended}, wanted an answer`);
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}
