import { existsSync } from "node:fs";
import { appendFile, lstat, mkdir, open, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { Config, MasterSecretFile, State } from "@constellation/config";
import { CONFIG_FILE, MASTER_SECRET_FILE, STATE_FILE } from "@constellation/config/constants";
import { CliError } from "../errors.ts";
import { createFileExclusive, syncFolder, writeFileAtomic, writing } from "./atomic-file.ts";
import { LOCK_FILE, withLock } from "./lock.ts";

/** Names of the files in a workspace beside configuration, state and master secret. */
export const ADMIN_CONF_FILE = "constellation-admin.conf";
export const CLUSTER_LOG_FILE = "constellation-cluster.log";
export const LOCAL_FOLDER = "constellation-local";

/** The folder with one cluster's files. The documents' parsers are imported when the first document is read. */
export class Workspace {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** The folder as the user named it; empty for the working directory. */
  readonly shownFolder: string;

  /** @param shownFolder how the user named the folder: printed paths begin with it; empty for the working directory */
  constructor(folder: string, shownFolder: string) {
    this.folder = resolve(folder);
    this.shownFolder = shownFolder;
  }

  /** A file's absolute path. */
  path(name: string): string {
    return isAbsolute(name) ? name : join(this.folder, name);
  }

  /** A file's path as the user is told. */
  show(name: string): string {
    return isAbsolute(name) ? name : join(this.shownFolder, name);
  }

  /** A path as it stands in the configuration: relative to this folder where that is shorter. */
  portable(path: string): string {
    const near = relative(this.folder, resolve(path));
    return near.length < path.length ? near : path;
  }

  has(name: string): boolean {
    return existsSync(this.path(name));
  }

  /** Makes the folder where it is missing; false if it was there. */
  async create(): Promise<boolean> {
    return (await makeFolder(this.folder)) !== undefined;
  }

  /** Runs work that changes the cluster; only one command at a time may. */
  async exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    if (!existsSync(this.folder)) {
      throw new CliError("workspace", `Open workspace failed: there is no folder "${this.shownFolder}"`, {
        hint: "name the folder with the cluster's files with --workspace (-C), or make a new one with `constellation config generate qemu`",
      });
    }
    return withLock(this.path(LOCK_FILE), work);
  }

  async readConfigText(): Promise<string> {
    return this.#read(CONFIG_FILE, "generate one with `constellation config generate qemu`");
  }

  async readConfig(): Promise<Config> {
    const { parseConfig } = await import("@constellation/config");
    return parseConfig(await this.readConfigText(), this.show(CONFIG_FILE));
  }

  /** Creates the configuration; an existing one is never overwritten. */
  async createConfig(yaml: string): Promise<void> {
    await this.#createNew(CONFIG_FILE, yaml, 0o644);
  }

  async replaceConfig(yaml: string): Promise<void> {
    await writeFileAtomic(this.path(CONFIG_FILE), yaml, 0o644);
  }

  /** The state; an empty one if there is no file. */
  async readState(): Promise<State> {
    const { emptyState, parseState } = await import("@constellation/config");
    if (!this.has(STATE_FILE)) return emptyState();
    return parseState(await this.#read(STATE_FILE), this.show(STATE_FILE));
  }

  async writeState(state: State): Promise<void> {
    const { serializeState } = await import("@constellation/config");
    await writeFileAtomic(this.path(STATE_FILE), serializeState(state), 0o600);
  }

  async readMasterSecret(): Promise<MasterSecretFile> {
    const { parseMasterSecret } = await import("@constellation/config");
    await this.#requirePrivate(MASTER_SECRET_FILE);
    return parseMasterSecret(await this.#read(MASTER_SECRET_FILE), this.show(MASTER_SECRET_FILE));
  }

  /** Creates the master secret file for its owner alone; an existing one is never overwritten. */
  async createMasterSecret(file: MasterSecretFile): Promise<void> {
    const { serializeMasterSecret } = await import("@constellation/config");
    await this.#createNew(MASTER_SECRET_FILE, serializeMasterSecret(file), 0o600);
  }

  /** The bytes of a file that the configuration names as one with credentials. */
  async readCredentials(path: string): Promise<Uint8Array> {
    return new Uint8Array(Buffer.from(await this.#read(path, "see keyManagement.credentials in the configuration")));
  }

  /** Replaces the master secret file by one with the same first generation: the one before stays until this is whole. */
  async replaceMasterSecret(file: MasterSecretFile): Promise<void> {
    const { serializeMasterSecret } = await import("@constellation/config");
    await writeFileAtomic(this.path(MASTER_SECRET_FILE), serializeMasterSecret(file), 0o600);
  }

  async readAdminConf(): Promise<string> {
    return this.#read(ADMIN_CONF_FILE, "run `constellation apply`, which fetches it again");
  }

  async writeAdminConf(kubeconfig: string): Promise<void> {
    await writeFileAtomic(this.path(ADMIN_CONF_FILE), kubeconfig, 0o600);
  }

  async appendClusterLog(data: Uint8Array | string): Promise<void> {
    const path = this.path(CLUSTER_LOG_FILE);
    await writing(path, () => appendFile(path, data, { mode: 0o600 }));
  }

  async remove(...names: readonly string[]): Promise<void> {
    for (const name of names) await rm(this.path(name), { recursive: true, force: true });
  }

  /** Overwrites a file, brings that to the disk, and removes it. File systems and disks may keep older copies all the same. */
  async shred(name: string): Promise<void> {
    const path = this.path(name);
    const file = await open(path, "r+");
    try {
      const { size } = await file.stat();
      await file.write(new Uint8Array(size), 0, size, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rm(path);
    await syncFolder(dirname(path));
  }

  /** Removes the folder itself if nothing is left in it. */
  async removeIfEmpty(): Promise<void> {
    if (!existsSync(this.folder) || (await readdir(this.folder)).length > 0) return;
    await rmdir(this.folder);
  }

  async #read(name: string, hint?: string): Promise<string> {
    try {
      return await readFile(this.path(name), "utf8");
    } catch (cause) {
      const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
      throw new CliError(
        missing ? "file-missing" : "workspace",
        `Read ${this.show(name)} failed: ${missing ? "there is no such file" : "it can't be read"}`,
        { ...(missing ? {} : { cause }), ...(hint === undefined ? {} : { hint }) },
      );
    }
  }

  async #createNew(name: string, data: string, mode: number): Promise<void> {
    await makeFolder(dirname(this.path(name)));
    try {
      await createFileExclusive(this.path(name), data, mode);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      throw new CliError("file-exists", `Create ${this.show(name)} failed: the file exists`, {
        hint: "it is never overwritten: move it away first, or use another workspace with --workspace",
      });
    }
  }

  /** A secret that others could have written or read is not used. */
  async #requirePrivate(name: string): Promise<void> {
    const stat = await lstat(this.path(name)).catch(() => undefined);
    if (stat === undefined) return;
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    if (!stat.isFile() || (stat.mode & 0o077) !== 0 || stat.uid !== process.getuid?.()) {
      throw new CliError(
        "file-unsafe",
        `Read ${this.show(name)} failed: got ${stat.isFile() ? `a file of user ${stat.uid} with mode ${mode}` : "no plain file"}, wanted your own file with mode 0600`,
        { hint: `chmod 600 ${this.show(name)}, if you know that nobody else has read or changed it` },
      );
    }
  }
}

async function makeFolder(path: string): Promise<string | undefined> {
  return writing(path, () => mkdir(path, { recursive: true, mode: 0o700 }));
}
