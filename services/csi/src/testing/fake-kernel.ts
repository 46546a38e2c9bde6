import { type Command, type Exec, ExecError, type Output } from "@constellation/exec";
import { HEADER_AREA_BYTES, HEADER_SIZE_BYTES, VOLUME_HEADER_BYTES, validateVolumeHeader } from "@constellation/luks";
import type { Files } from "../kernel/files.ts";
import type { Effects } from "./effects.ts";
import { addSlot, formatArea, importToken, killSlot, openSlot, recover } from "./fake-luks.ts";
import { SparseDevice } from "./sparse-device.ts";

/** What is on a volume, seen through its mapping. */
interface Plaintext {
  /** LUKS UUID that it was written under: through another key it is noise. */
  uuid: string;
  fileSystem: string;
  /** Bytes of the file system or block device that it reaches to. */
  sizeBytes: number;
  zeroed: boolean;
}

interface FakeMapping {
  name: string;
  number: number;
  uuid: string;
  integrity: boolean;
  readOnly: boolean;
  sizeBytes: number;
  below: string;
}

/** What is there while cryptsetup works on a mapping, and stays where it is killed. */
interface FakeHalf {
  name: string;
  table: "none" | "inactive" | "live";
  /** Device or half that its table keeps in use. */
  over: string;
}

interface FakeMount {
  target: string;
  device: string;
  root: string;
  readOnly: boolean;
  type: string;
}

const OK: Output = { exitCode: 0, stdout: "", stderr: "" };

/**
 * A model of the kernel with the programs that change it: devices, header copies, mappings, mounts. It keeps the rules
 * that the real ones have (a mapping in use can't be closed, only what was made is mounted) and notes what must never
 * happen in `violations`.
 */
export class FakeKernel {
  readonly violations: string[] = [];
  readonly commands: Command[] = [];
  readonly devices = new Map<string, SparseDevice>();
  readonly plaintexts = new Map<string, Plaintext>();
  readonly mounts: FakeMount[] = [];
  mappings: FakeMapping[] = [];
  halves: FakeHalf[] = [];
  /** Device nodes that vendors made. */
  readonly nodes = new Map<string, string>();
  readonly files = new Map<string, Uint8Array>();
  readonly folders = new Set<string>();
  readonly #effects: Effects;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  /** Without a table it keeps nothing in use. What luksFormat left so nobody finds again, as its name is random. */
  get halvesInUse(): readonly FakeHalf[] {
    return this.halves.filter(({ table }) => table !== "none");
  }

  /** What is left on the node, in an order of its own. */
  state(): unknown {
    const mappings = this.mappings.map((mapping) => ({ ...mapping, number: "any" }));
    const mounts = this.mounts.map(({ target, readOnly, type }) => ({ target, readOnly, type }));
    const byTarget = (a: { target: string }, b: { target: string }): number => (a.target < b.target ? -1 : 1);
    return {
      mappings: mappings.sort((a, b) => (a.name < b.name ? -1 : 1)),
      halves: this.halvesInUse,
      mounts: mounts.sort(byTarget),
      nodes: sorted([...this.nodes]),
      files: sorted([...this.files.keys()]),
      plaintexts: sorted([...this.plaintexts]),
      violations: this.violations,
    };
  }

  readonly exec: Exec = (command) => {
    this.#effects.requireLife();
    this.commands.push(command);
    const program = this.#programs[command.program];
    if (program === undefined) throw new Error(`no program ${command.program}`);
    const exitCode = program(command);
    if (typeof exitCode === "string") return Promise.resolve({ ...OK, stdout: exitCode });
    if (exitCode !== 0 && !(command.acceptedExitCodes ?? []).includes(exitCode)) {
      throw new ExecError("exit", `Run ${command.program} failed: got exit code "${exitCode}", wanted "0"`, {
        exitCode,
      });
    }
    return Promise.resolve({ ...OK, exitCode });
  };

  readonly #programs: Readonly<Record<string, (command: Command) => number | string>> = {
    cryptsetup: (command) => this.#cryptsetup(command),
    dmsetup: ({ args }) =>
      args[0] === "info"
        ? this.#dmInfo(args.includes("--inactive") ? "inactive" : "live")
        : this.#dmRemove(args.at(-1)!),
    blockdev: ({ args }) => `${this.#sizeOf(args.at(-1)!)}\n`,
    mount: ({ args }) => this.#mount(args),
    umount: ({ args }) => this.#umount(args[0]!),
    blkdiscard: ({ args }) => this.#zero(args),
    "mkfs.ext4": ({ args }) => this.#mkfs("ext4", args),
    "mkfs.xfs": ({ args }) => this.#mkfs("xfs", args),
    resize2fs: ({ args }) => this.#grow(this.#mappingOf(args[0]!)),
    xfs_growfs: ({ args }) => {
      const mount = this.mounts.find(({ target }) => target === args[0]);
      return this.#grow(this.mappings.find(({ number }) => mount?.device === `253:${number}`));
    },
  };

  #cryptsetup(command: Command): number {
    const [verb, ...args] = command.args;
    const key = (): Uint8Array => revealed(command.stdin);
    switch (verb) {
      case "luksFormat":
        return this.#format(args, key());
      case "token": {
        const file = args.at(-1)!;
        const json = Buffer.from(key()).toString("utf8");
        return this.#editCopy(file, (area) => importToken(area, json, args.includes("--token-replace")));
      }
      case "luksAddKey": {
        const file = args.at(-2)!;
        if (openSlot(this.#copy(file), key()) === undefined) return 2;
        const next = revealed(command.extraInput);
        return this.#editCopy(file, (area) => addSlot(area, valueOf(args, "--key-slot"), next));
      }
      case "luksKillSlot":
        return this.#editCopy(args.at(-2)!, (area) => killSlot(area, args.at(-1)!));
      case "open":
        return this.#open(args, key());
      case "close":
        return this.#close(args[0]!);
      case "resize":
        return this.#resize(args, key());
      default:
        throw new Error(`no verb ${verb}`);
    }
  }

  #format(args: readonly string[], key: Uint8Array): number {
    const device = this.#deviceAt(args.at(-1)!);
    const area = formatArea(valueOf(args, "--uuid"), args.includes("--integrity=hmac-sha256"), key);
    const below = this.nodes.get(args.at(-1)!)!;
    if (this.#isHeld(below)) return 5;
    if (this.#holdsData(below)) this.violations.push("formatted a device with data");
    this.#effects.apply(() => device.write(0, new Uint8Array(VOLUME_HEADER_BYTES)));
    for (const [start, end] of [
      [0, 4096],
      [0, HEADER_SIZE_BYTES],
      [HEADER_SIZE_BYTES, 2 * HEADER_SIZE_BYTES],
      [2 * HEADER_SIZE_BYTES, VOLUME_HEADER_BYTES],
    ] as const) {
      this.#effects.apply(() => device.write(start, area.subarray(start, end)));
    }
    if (!args.includes("--integrity=hmac-sha256")) return 0;
    const temporary = `temporary-cryptsetup-${this.commands.length}`;
    this.#makeHalf(temporary, below);
    this.#effects.apply(() => this.#dropHalves(temporary));
    return 0;
  }

  #open(args: readonly string[], key: Uint8Array): number {
    const [path, name] = args.slice(-2) as [string, string];
    const area = this.#copy(valueOf(args, "--header"));
    const header = validateVolumeHeader(area);
    if (openSlot(area, key) === undefined) return 2;
    const lower = `${name}_dif`;
    if ([...this.mappings, ...this.halves].some((one) => one.name === name || one.name === lower)) return 5;
    const below = this.nodes.get(path);
    if (below === undefined) return 4;
    if (this.#isHeld(below)) return 5;
    const number = Math.max(0, ...this.mappings.map((mapping) => mapping.number)) + 2;
    const sizeBytes = this.devices.get(below)!.sizeBytes - HEADER_AREA_BYTES;
    const { uuid, integrity } = header;
    const readOnly = args.includes("--readonly");
    if (integrity) this.#makeHalf(lower, below);
    this.#makeHalf(name, integrity ? lower : below, () => {
      this.#dropHalves(name, lower);
      this.mappings.push({ name, number, uuid, integrity, readOnly, sizeBytes, below });
    });
    return 0;
  }

  #close(name: string): number {
    const mapping = this.mappings.find((one) => one.name === name);
    // Also over one of which only half is there.
    if (mapping === undefined) return 4;
    const node = `/dm-${mapping.number}`;
    if (this.mounts.some(({ device, root }) => device === `253:${mapping.number}` || root === node)) return 5;
    const { below } = mapping;
    const lower = `${name}_dif`;
    this.#effects.apply(() => {
      this.mappings = this.mappings.filter((one) => one !== mapping);
      if (mapping.integrity) this.halves.push({ name: lower, table: "live", over: below });
    });
    if (mapping.integrity) this.#effects.apply(() => this.#dropHalves(lower));
    return 0;
  }

  /** The kernel makes a mapping without a table, takes its table, and lets it live. */
  #makeHalf(name: string, over: string, live = (half: FakeHalf): void => void (half.table = "live")): void {
    const half: FakeHalf = { name, table: "none", over };
    this.#effects.apply(() => this.halves.push(half));
    this.#effects.apply(() => (half.table = "inactive"));
    this.#effects.apply(() => live(half));
  }

  #dropHalves(...names: readonly string[]): void {
    this.halves = this.halves.filter((half) => !names.includes(half.name));
  }

  #isHeld(device: string): boolean {
    const over = this.halves.filter(({ table }) => table !== "none").map((half) => half.over);
    return [...over, ...this.mappings.map(({ below }) => below)].includes(device);
  }

  /** Name, tables and devices of each, by its live table or by the other. */
  #dmInfo(table: "live" | "inactive"): string {
    const row = (name: string, devices: string | undefined): string =>
      `${name}/${devices === undefined ? 0 : 1}/${devices ?? ""}\n`;
    const whole = this.mappings.flatMap(({ name, integrity, below }) =>
      (integrity ? [name, `${name}_dif`] : [name]).map((one) => row(one, table === "live" ? below : undefined)),
    );
    const halves = this.halves.map((half) => row(half.name, half.table === table ? half.over : undefined));
    return [...whole, ...halves].join("");
  }

  #dmRemove(name: string): number {
    if (this.#isHeld(name)) return 1;
    if (!this.halves.some((half) => half.name === name)) {
      this.violations.push(`took away ${name}, of which there is no half`);
      return 1;
    }
    this.#effects.apply(() => this.#dropHalves(name));
    return 0;
  }

  #resize(args: readonly string[], key: Uint8Array): number {
    const mapping = this.mappings.find(({ name }) => name === args.at(-1));
    if (mapping === undefined) return 4;
    if (mapping.integrity) return 1;
    if (openSlot(this.#copy(valueOf(args, "--header")), key) === undefined) return 2;
    const sizeBytes = this.devices.get(mapping.below)!.sizeBytes - HEADER_AREA_BYTES;
    this.#effects.apply(() => (mapping.sizeBytes = sizeBytes));
    return 0;
  }

  #mkfs(fileSystem: string, args: readonly string[]): number {
    const path = args.at(-1)!;
    const mapping = this.#mappingOf(path);
    if (mapping === undefined) {
      this.violations.push(`made a file system on ${path}, which is no mapping`);
      return 1;
    }
    const found = this.plaintexts.get(mapping.below);
    if (mapping.integrity && found?.zeroed !== true) return 1;
    if (found?.fileSystem.endsWith("with data")) this.violations.push("made a file system over data");
    const { uuid, sizeBytes } = mapping;
    const made = (name: string): void => {
      this.plaintexts.set(mapping.below, { uuid, fileSystem: name, sizeBytes, zeroed: mapping.integrity });
    };
    this.#effects.apply(() => made(`half an ${fileSystem}`));
    this.#effects.apply(() => made(fileSystem));
    return 0;
  }

  #zero(args: readonly string[]): number {
    const mapping = this.#mappingOf(args.at(-1)!);
    if (mapping === undefined) return this.#zeroDevice(args);
    const end = Number(valueOf(args, "--offset")) + Number(valueOf(args, "--length"));
    const zeroed = end === mapping.sizeBytes;
    const { uuid, sizeBytes } = mapping;
    this.#effects.apply(() => this.plaintexts.set(mapping.below, { uuid, fileSystem: "none", sizeBytes, zeroed }));
    return 0;
  }

  /** Only where nothing of value is. */
  #zeroDevice(args: readonly string[]): number {
    const device = this.#deviceAt(args.at(-1)!);
    if (this.#holdsData(this.nodes.get(args.at(-1)!)!)) this.violations.push("zeroed a device with data");
    const length = Number(valueOf(args, "--length"));
    this.#effects.apply(() => device.write(Number(valueOf(args, "--offset")), new Uint8Array(length)));
    return 0;
  }

  #grow(mapping: FakeMapping | undefined): number {
    const found = mapping && this.plaintexts.get(mapping.below);
    if (mapping === undefined || found === undefined) return 1;
    this.#effects.apply(() => (found.sizeBytes = mapping.sizeBytes));
    return 0;
  }

  #mount(args: readonly string[]): number {
    const [source, target] = args.slice(-2) as [string, string];
    if (args[0] === "-o") {
      const found = this.mounts.findLast((mount) => mount.target === target);
      if (found === undefined) return 32;
      this.#effects.apply(() => (found.readOnly = true));
      return 0;
    }
    if (!this.folders.has(target) && !this.files.has(target)) return 32;
    const mount = args[0] === "--bind" ? this.#bind(source, target) : this.#fileSystem(args, source, target);
    if (mount === undefined) return 32;
    this.#effects.apply(() => this.mounts.push(mount));
    return 0;
  }

  #bind(source: string, target: string): FakeMount | undefined {
    if (this.#mappingOf(source) !== undefined) {
      return { target, device: "0:6", root: source.slice("/dev".length), readOnly: false, type: "devtmpfs" };
    }
    const found = this.mounts.findLast((mount) => mount.target === source);
    return found && { ...found, target };
  }

  #fileSystem(args: readonly string[], source: string, target: string): FakeMount | undefined {
    const mapping = this.#mappingOf(source);
    if (mapping === undefined) {
      this.violations.push(`mounted ${source}, which is no mapping`);
      return undefined;
    }
    const type = valueOf(args, "-t");
    const found = this.plaintexts.get(mapping.below);
    if (found?.uuid !== mapping.uuid || found.fileSystem.replace(" with data", "") !== type) return undefined;
    const readOnly = args.includes("-o") && valueOf(args, "-o").split(",").includes("ro");
    return { target, device: `253:${mapping.number}`, root: "/", readOnly, type };
  }

  #umount(target: string): number {
    const index = this.mounts.findLastIndex((mount) => mount.target === target);
    if (index < 0) return 32;
    this.#effects.apply(() => this.mounts.splice(index, 1));
    return 0;
  }

  /** The files of this kernel. */
  readonly port: Files = {
    status: async (path) => {
      this.#effects.requireLife();
      const mount = this.mounts.findLast(({ target }) => target === path);
      if (mount?.type === "devtmpfs") return { kind: "block", device: `253:${mount.root.slice("/dm-".length)}` };
      const node = this.nodes.get(path);
      if (node !== undefined) return { kind: "block", device: node };
      if (this.folders.has(path)) return { kind: "directory" };
      return this.files.has(path) ? { kind: "file" } : undefined;
    },
    readText: async (path) => this.#sysfs(path),
    list: async (path) => {
      if (path === "/sys/class/block") return ["sda", ...this.#dmDevices().keys()];
      const [, entry = ""] = /^\/sys\/class\/block\/(.*)\/slaves$/.exec(path) ?? [];
      return this.#dmDevices().get(entry)?.slaves ?? [];
    },
    makeDirectory: async (path) => this.#effects.apply(() => this.folders.add(path)),
    makeFile: async (path) => this.#effects.apply(() => this.files.set(path, this.files.get(path) ?? new Uint8Array())),
    remove: async (path) => {
      if (this.mounts.some(({ target }) => target === path)) throw new Error(`EBUSY: ${path}`);
      this.#effects.apply(() => void (this.folders.delete(path), this.files.delete(path), this.nodes.delete(path)));
    },
    writePrivate: async (path, bytes) => this.#effects.apply(() => this.files.set(path, Uint8Array.from(bytes))),
    read: async (path, offset, length) => {
      this.#effects.requireLife();
      const file = this.files.get(path);
      if (file === undefined) return this.#deviceAt(path).read(offset, length);
      return file.slice(offset, offset + length);
    },
    write: async (path, offset, bytes) => {
      const device = this.#deviceAt(path);
      if (offset + bytes.length > HEADER_AREA_BYTES) this.violations.push("wrote data to a vendor's device");
      const half = Math.floor(bytes.length / 1024) * 512;
      this.#effects.apply(() => device.write(offset, bytes.subarray(0, half)));
      this.#effects.apply(() => device.write(offset, bytes));
    },
    isBlank: async (path, offset, length) => {
      this.#effects.requireLife();
      return this.#deviceAt(path).isBlank(offset, length);
    },
    sync: async () => this.#effects.requireLife(),
    use: async () => {
      const some = { total: 10n, available: 5n, used: 5n };
      return { bytes: some, inodes: some };
    },
  };

  #sysfs(path: string): string {
    if (path === "/proc/self/mountinfo") {
      const line = ({ device, root, target, readOnly, type }: FakeMount): string =>
        `1 1 ${device} ${root} ${target} ${readOnly ? "ro" : "rw"} shared:1 - ${type} x rw\n`;
      return this.mounts.map(line).join("");
    }
    const [, entry = "", file = ""] = /^\/sys\/class\/block\/([^/]+)\/(.+)$/.exec(path) ?? [];
    if (entry.startsWith("vd-") && file === "dev") return entry.slice("vd-".length).replace("-", ":");
    const text = this.#dmDevices().get(entry)?.files[file];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return `${text}\n`;
  }

  #dmDevices(): Map<string, { files: Record<string, string>; slaves: string[] }> {
    const devices = new Map<string, { files: Record<string, string>; slaves: string[] }>();
    for (const { name, number, uuid, integrity, readOnly, sizeBytes, below } of this.mappings) {
      const vendor = `vd-${below.replace(":", "-")}`;
      const files = {
        dev: `253:${number}`,
        "dm/name": name,
        "dm/uuid": `CRYPT-LUKS2-${uuid.replaceAll("-", "")}-${name}`,
        ro: readOnly ? "1" : "0",
        size: String(sizeBytes / 512),
      };
      devices.set(`dm-${number}`, { files, slaves: [integrity ? `dm-${number + 1}` : vendor] });
      if (!integrity) continue;
      const lower = { dev: `253:${number + 1}`, "dm/name": `${name}_dif`, size: files.size, ro: files.ro };
      devices.set(`dm-${number + 1}`, { files: lower, slaves: [vendor] });
    }
    // Without a table it is in no sysfs, and without a live one it has no bytes.
    for (const [index, { name, table, over }] of this.halves.entries()) {
      if (table === "none") continue;
      const size = table === "live" ? "8" : "0";
      const files = { dev: `253:${900 + index}`, "dm/name": name, "dm/uuid": `CRYPT-LUKS2-${"0".repeat(32)}-${name}` };
      devices.set(`dm-${900 + index}`, {
        files: { ...files, ro: "0", size },
        slaves: over.includes(":") ? [`vd-${over.replace(":", "-")}`] : [],
      });
    }
    return devices;
  }

  #editCopy(file: string, edit: (area: Uint8Array) => void): number {
    const area = Uint8Array.from(this.#copy(file));
    edit(area);
    this.#effects.apply(() => this.files.set(file, area));
    return 0;
  }

  #copy(file: string): Uint8Array {
    if (this.nodes.has(file)) this.violations.push("gave cryptsetup a device's own header");
    const area = this.files.get(file);
    if (area === undefined) throw new Error(`no file ${file}`);
    recover(area);
    return area;
  }

  #deviceAt(path: string): SparseDevice {
    const device = this.devices.get(this.nodes.get(path) ?? "");
    if (device === undefined) throw new Error(`ENXIO: ${path}`);
    return device;
  }

  #mappingOf(path: string): FakeMapping | undefined {
    return this.mappings.find(({ number }) => path === `/dev/dm-${number}`);
  }

  #sizeOf(path: string): number {
    return this.#mappingOf(path)?.sizeBytes ?? this.#deviceAt(path).sizeBytes;
  }

  #holdsData(device: string): boolean {
    return this.plaintexts.get(device)?.fileSystem.endsWith("with data") === true;
  }
}

function valueOf(args: readonly string[], flag: string): string {
  const value = args[args.indexOf(flag) + 1];
  if (value === undefined) throw new Error(`no ${flag}`);
  return value;
}

function revealed(input: Command["stdin"]): Uint8Array {
  if (input === undefined) throw new Error("no input");
  return input instanceof Uint8Array ? input : input.reveal();
}

/** By their JSON text. */
function sorted<T>(values: readonly T[]): T[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
