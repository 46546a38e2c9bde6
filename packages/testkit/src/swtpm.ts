import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SwtpmConnection } from "./swtpm-connection.ts";
import type { ToolCommand } from "./tool.ts";
import { findTool } from "./tool.ts";

/** The swtpm program, or undefined where the machine has none; tests that need it then skip. */
export function findSwtpm(): ToolCommand | undefined {
  return findTool("usr/bin/swtpm");
}

/**
 * A real software TPM in a directory of its own, for tests. Its seeds and NV memory live as long as this object;
 * `powerCycle` is what a reset of the machine is to it. TPM2_Startup is left to the caller.
 */
export class Swtpm {
  readonly #tool: ToolCommand;
  readonly #directory: string;
  #running: Running | undefined;

  private constructor(tool: ToolCommand, directory: string) {
    this.#tool = tool;
    this.#directory = directory;
  }

  /** Makes a TPM with new seeds and starts it. Throws where the machine has no swtpm. */
  static async start(): Promise<Swtpm> {
    const tool = findSwtpm();
    if (tool === undefined) throw new Error("Start swtpm failed: got no swtpm in the tools tree or on the PATH");
    const swtpm = new Swtpm(tool, mkdtempSync(join(tmpdir(), "constellation-swtpm-")));
    try {
      await swtpm.#powerOn();
    } catch (error) {
      await swtpm.stop();
      throw error;
    }
    return swtpm;
  }

  /** The way to this TPM; it stays valid over power cycles. */
  readonly transport = {
    transmit: (command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> => {
      if (this.#running === undefined) return Promise.reject(new Error("Transmit to swtpm failed: it is not running"));
      return this.#running.connection.transmit(command, signal);
    },
  };

  /** The process id of the running swtpm. */
  get pid(): number | undefined {
    return this.#running?.process.pid;
  }

  /** Ends the TPM's process and starts it on the same state. */
  async powerCycle(): Promise<void> {
    await this.#powerOff();
    await this.#powerOn();
  }

  /** Ends the TPM's process and removes its state. */
  async stop(): Promise<void> {
    await this.#powerOff();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #powerOn(): Promise<void> {
    const socketPath = join(this.#directory, "tpm.sock");
    rmSync(socketPath, { force: true });
    const child = spawn(this.#tool.program, [...this.#tool.args, ...swtpmArguments(this.#directory, socketPath)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    endWithThisProcess(child);
    this.#running = { process: child, connection: await connected(child, socketPath) };
  }

  async #powerOff(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.connection.close();
    await ended(running.process);
  }
}

interface Running {
  readonly process: ChildProcess;
  readonly connection: SwtpmConnection;
}

function swtpmArguments(directory: string, socketPath: string): string[] {
  return [
    "socket",
    "--tpm2",
    "--tpmstate",
    `dir=${directory}`,
    "--server",
    `type=unixio,path=${socketPath}`,
    "--flags",
    "not-need-init",
  ];
}

/** Connects as soon as the socket is there; fails with swtpm's own words when it ends first. */
async function connected(child: ChildProcess, socketPath: string): Promise<SwtpmConnection> {
  let words = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    words += chunk.toString("utf8");
  });
  const exit = once(child, "exit").then(([code]) => {
    throw new Error(`Start swtpm failed: got exit code ${String(code)}: ${words.trim()}`);
  });
  try {
    return await Promise.race([SwtpmConnection.open(socketPath), exit]);
  } catch (error) {
    await ended(child);
    throw error;
  } finally {
    exit.catch(() => undefined);
  }
}

/** A test process that dies must not leave its TPM behind. */
function endWithThisProcess(child: ChildProcess): void {
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}
