import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { EndorsementError, type EndorsementSource } from "@constellation/endorsements";
import type { Clock } from "../clock.ts";
import type { Dependencies } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { run } from "../run.ts";
import type { AppraiserPort } from "../ports/cluster.ts";
import type { Io } from "../terminal/io.ts";
import { FakeInfrastructure } from "./fake-infrastructure.ts";
import { FakeKubernetes } from "./fake-kubernetes.ts";
import { FakeMachine } from "./fake-machine.ts";
import { FakeNodes } from "./fake-nodes.ts";

/** Outcome of one command line. */
export interface Outcome {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** A workspace on disk, with everything outside of the program played by fakes. */
export class Harness {
  /** Working directory; the workspace is the folder `w` in it. */
  readonly folder: string;
  readonly machine = new FakeMachine();
  readonly infrastructure = new FakeInfrastructure();
  readonly kubernetes = new FakeKubernetes();
  readonly nodes = new FakeNodes(this.kubernetes);
  readonly clock = new FakeClock();
  /** Vendors that know nothing. */
  endorsements: EndorsementSource = {
    sevSnp: () => Promise.reject(new EndorsementError("unknown_platform", "Get VCEK failed: got 404")),
    tdx: () => Promise.reject(new EndorsementError("unknown_platform", "Get TCB info failed: got 404")),
  };
  /** Decides on evidence, where the test wants another than the fake nodes' own. */
  appraiser: AppraiserPort | undefined;
  /** Answers to questions, one per line; undefined stands for the end of input. */
  answers: (string | undefined)[] = [];
  /** Whether stdin is a terminal. */
  interactive = true;
  /** What commands say on stderr is given here as it comes. */
  onErr: (text: string, interrupt: () => void) => void = () => {};
  #random = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes a workspace that is removed when the test ends, with a node image in it. */
  static async create(t: TestContext): Promise<Harness> {
    const folder = await mkdtemp(join(tmpdir(), "constellation-cli-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const harness = new Harness(folder);
    await mkdir(join(folder, "w"));
    harness.machine.addImage(join(folder, "build/image"));
    return harness;
  }

  /** Runs a command line in the workspace. */
  async run(...argv: string[]): Promise<Outcome> {
    const seen = { out: "", err: "" };
    const interrupts: (() => void)[] = [];
    const io: Io = {
      out: (text) => void (seen.out += text),
      err: (text) => {
        seen.err += text;
        this.onErr(text, () => interrupts.forEach((interrupt) => interrupt()));
      },
      errIsTerminal: false,
      inIsTerminal: this.interactive,
      readLine: () => Promise.resolve(this.answers.shift()),
    };
    const code = await run(["-C", "w", ...argv], {
      io,
      environment: {},
      workingDirectory: this.folder,
      clock: this.clock,
      dependencies: this.#dependencies(),
      signals: {
        on: (name, listener) => (name === "SIGINT" ? interrupts.push(listener) : 0),
        off: () => undefined,
        exit: (code) => {
          throw new Error(`exit ${code}`);
        },
      },
    });
    return { code, ...seen };
  }

  /** Path of a file in the workspace. */
  path(name: string): string {
    return join(this.folder, "w", name);
  }

  read(name: string): Promise<string> {
    return readFile(this.path(name), "utf8");
  }

  write(name: string, text: string, mode = 0o600): Promise<void> {
    return writeFile(this.path(name), text, { mode });
  }

  /** Changes a file of the workspace. */
  async edit(name: string, change: (text: string) => string): Promise<void> {
    await this.write(name, change(await this.read(name)));
  }

  #dependencies(): Dependencies {
    return {
      infrastructure: () => Promise.resolve(this.infrastructure),
      nodes: () => Promise.resolve(this.nodes),
      appraiser: () => Promise.resolve(this.appraiser ?? this.nodes.appraiser),
      kubernetes: () => Promise.resolve(this.kubernetes),
      endorsements: () => Promise.resolve(this.endorsements),
      machine: () => Promise.resolve(this.machine),
      random: (lengthBytes) => new Uint8Array(lengthBytes).fill(++this.#random),
    };
  }
}

/** Time that passes only where it is waited for. */
class FakeClock implements Clock {
  #nowMs = 0;

  now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#nowMs += durationMs;
    return Promise.resolve();
  }
}
