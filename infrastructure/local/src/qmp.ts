import { connect, type Socket } from "node:net";
import { LocalError } from "./errors.ts";

const TIMEOUT_MS = 20_000;

/** One connection to a QEMU machine protocol socket; QEMU serves one at a time, so keep it short. */
export class QmpClient {
  readonly #socket: Socket;
  readonly #path: string;
  #pending = "";
  #next: { resolve: (reply: QmpReply) => void; reject: (error: Error) => void } | undefined;
  #greeted = false;
  #failure: LocalError | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.#socket = connect(path);
    this.#socket.setEncoding("utf8");
    this.#socket.setTimeout(TIMEOUT_MS, () => this.#fail(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("connection closed")));
    this.#socket.on("data", (text: string) => this.#receive(text));
  }

  /**
   * Runs `work` on a connection to the socket `path`.
   * @throws LocalError "qmp-failed"
   */
  static async with<T>(path: string, work: (qmp: QmpClient) => Promise<T>): Promise<T> {
    const client = new QmpClient(path);
    try {
      await client.#wait(); // the greeting
      await client.execute("qmp_capabilities");
      return await work(client);
    } finally {
      client.#socket.destroy();
    }
  }

  /** Runs a command and gives its return value. */
  async execute(command: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    const reply = this.#wait();
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    const { error, return: value } = await reply;
    if (error === undefined) return value;
    throw new LocalError("qmp-failed", `Run QMP command "${command}" failed: ${error.desc}`);
  }

  /** Runs a command of the human monitor and gives what it prints. */
  async monitor(commandLine: string): Promise<string> {
    return String(await this.execute("human-monitor-command", { "command-line": commandLine }));
  }

  #wait(): Promise<QmpReply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#next = { resolve, reject };
    });
  }

  #receive(text: string): void {
    const lines = (this.#pending + text).split("\n");
    this.#pending = lines.pop() ?? "";
    for (const line of lines.filter((l) => l.trim() !== "")) {
      const message = JSON.parse(line) as QmpReply;
      if (message.event !== undefined) continue;
      this.#greeted ||= message.QMP !== undefined;
      this.#next?.resolve(message);
      this.#next = undefined;
    }
  }

  #fail(cause: Error): void {
    const step = this.#greeted ? "Talk to" : "Connect to";
    this.#failure ??= new LocalError("qmp-failed", `${step} QEMU failed: socket "${this.#path}"`, { cause });
    this.#next?.reject(this.#failure);
    this.#next = undefined;
    this.#socket.destroy();
  }
}

interface QmpReply {
  QMP?: unknown;
  event?: string;
  return?: unknown;
  error?: { class: string; desc: string };
}
