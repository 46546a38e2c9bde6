import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Effects } from "@constellation/csi/testing/volumes";
import { FakeKernel } from "@constellation/csi/testing/fake-kernel";
import { SparseDevice } from "@constellation/csi/testing/sparse-device";
import type { Exec, Output } from "@constellation/exec";
import type { Machine } from "./machine.ts";

const OK: Output = { exitCode: 0, stdout: "", stderr: "" };

/** A machine whose kernel is a model; files below loop devices are real and sparse. For tests. */
export class FakeMachine implements Machine {
  readonly kernel = new FakeKernel(new Effects());
  readonly folder: string;
  readonly workFolder: string;
  readonly runFolder = "/run/bench";
  readonly signal: AbortSignal = new AbortController().signal;
  /** What was run, in order: programs with what they are about. */
  readonly calls: string[] = [];
  /** Which call fails, once. */
  failAt: number | undefined;
  /** Requests of direct I/O: `<device> <verb> <offset> <length>`. */
  readonly requests: string[] = [];
  openFiles = 0;
  #clockMs = 0;

  private constructor(folder: string) {
    this.folder = folder;
    this.workFolder = join(folder, "work");
  }

  static async create(): Promise<FakeMachine> {
    const machine = new FakeMachine(await mkdtemp(join(tmpdir(), "bench-volumes-")));
    await mkdir(machine.workFolder);
    await mkdir(join(machine.folder, "sys/block"), { recursive: true });
    return machine;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  /** Everything that a measurement could have left. */
  async left(): Promise<object> {
    const { mappings, mounts, files, violations } = this.kernel;
    return {
      mappings,
      mounts,
      violations,
      headers: [...files.keys()],
      folders: [...this.kernel.folders],
      loops: await readdir(join(this.folder, "sys/block")),
      work: await readdir(this.workFolder),
      openFiles: this.openFiles,
    };
  }

  get files(): Machine["files"] {
    return this.kernel.port;
  }

  /** Each look takes a second. */
  nowMs = (): number => (this.#clockMs += 1_000);

  note = (): void => {};

  delay = async (): Promise<void> => {};

  openDirect = async (device: string): ReturnType<Machine["openDirect"]> => {
    this.#call(`open ${device}`);
    this.openFiles += 1;
    const note = (what: string): void => void this.requests.push(`${device} ${what}`);
    return {
      write: (offset, length) => note(`write ${offset} ${length}`),
      read: (offset, length) => note(`read ${offset} ${length}`),
      flush: () => note("flush"),
      close: () => void (this.openFiles -= 1),
    };
  };

  /** The model knows mappings only: file systems on a loop device itself are known here. */
  readonly exec: Exec = async (command, signal) => {
    const { program, args } = command;
    this.#call([program, ...args].join(" "));
    const [source = "", target = ""] = program === "mount" ? args.slice(-2) : args.slice(-1);
    if (!/^mkfs|^mount$/.test(program) || !source.startsWith("/dev/loop"))
      return await this.kernel.exec(command, signal);
    if (program !== "mount") return OK;
    const device = this.kernel.nodes.get(source) ?? "";
    this.kernel.mounts.push({ target, device, root: "/", readOnly: false, type: "ext4" });
    return OK;
  };

  get system(): Machine["system"] {
    return {
      sysfs: join(this.folder, "sys"),
      dev: "/dev",
      mountinfo: "",
      statfs: () => Promise.reject(new Error("nobody asks for space")),
      run: async (program, args) => {
        this.#call([program, ...args].join(" "));
        return await this.#losetup(args);
      },
    };
  }

  async #losetup(args: readonly string[]): Promise<string> {
    const subject = args.at(-1) ?? "";
    if (args[0] === "--find") return await this.#attach(subject);
    if (args[0] === "--detach") return await this.#detach(subject);
    const devices = [...this.#backing].filter(([, file]) => file === subject);
    return devices.map(([device]) => `/dev/${device}: [1]:1 (${subject})\n`).join("");
  }

  readonly #backing = new Map<string, string>();

  async #attach(file: string): Promise<string> {
    const number = [0, 1, 2, 3].find((index) => !this.#backing.has(`loop${index}`)) ?? 4;
    const name = `loop${number}`;
    const folder = join(this.folder, "sys/block", name);
    for (const sub of ["loop", "holders"]) await mkdir(join(folder, sub), { recursive: true });
    await writeFile(join(folder, "loop/backing_file"), `${file}\n`);
    await writeFile(join(folder, "dev"), `7:${number}\n`);
    this.#backing.set(name, file);
    this.kernel.nodes.set(`/dev/${name}`, `7:${number}`);
    this.kernel.devices.set(`7:${number}`, new SparseDevice((await stat(file)).size));
    this.kernel.plaintexts.delete(`7:${number}`);
    return "";
  }

  async #detach(device: string): Promise<string> {
    const name = device.slice("/dev/".length);
    const inUse = this.kernel.mappings.some(({ below }) => below === this.kernel.nodes.get(device));
    if (inUse) throw new Error(`${device} is in use`);
    this.#backing.delete(name);
    this.kernel.nodes.delete(device);
    await rm(join(this.folder, "sys/block", name), { recursive: true });
    return "";
  }

  #call(what: string): void {
    this.calls.push(what);
    if (this.calls.length === this.failAt) throw new Error(`cut off at ${what}`);
  }
}
