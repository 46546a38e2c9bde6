import { readFile, rm } from "node:fs/promises";
import { type EtcdKey, EtcdSecretsKey, requireGeneration } from "@constellation/keys";
import { writeFileAtomic } from "../disk/files.ts";
import { NodeError } from "../errors.ts";
import { EtcdKeyring, type HeldKey } from "./etcd-keyring.ts";

/** The file's form. */
interface KeysFile {
  version: 1;
  keys: { generation: number; key: string; knownSinceMs: number }[];
}

/**
 * A control plane's keys for secrets in etcd: in the agent's memory, and in a file in memory (/run) for an agent that is
 * started again while the node runs. The file is gone with the boot; no disk ever has it (ADR 36).
 */
export class EtcdKeys {
  readonly ring: EtcdKeyring;
  readonly #path: string;

  /**
   * @param path below /run, in a folder that only root can enter
   * @param nowMs a clock that goes on over restarts of the agent, but not over those of the machine
   */
  constructor(path: string, nowMs: () => number) {
    this.#path = path;
    this.ring = new EtcdKeyring(nowMs);
  }

  /**
   * Takes the keys that init, a ticket or the operator brought. They are in the file when this returns.
   * @throws NodeError `kms_key`; KeysError
   */
  async hold(keys: readonly EtcdKey[]): Promise<void> {
    this.ring.replace(keys, "at-once");
    await this.#save();
  }

  /**
   * Takes the keys that the cluster has now: new ones are read with first, dropped ones are forgotten.
   * @throws NodeError `kms_key`; KeysError
   */
  async follow(keys: readonly EtcdKey[]): Promise<void> {
    // No cluster is without: to forget all would make everything unreadable.
    if (keys.length === 0)
      throw new NodeError("kms_key", "Follow keys for secrets in etcd failed: got none, wanted one");
    this.ring.replace(keys, "read-first");
    await this.#save();
  }

  /** Reads what an earlier life of the agent in this boot held; nothing where there is no such life. @throws NodeError `state` */
  async load(): Promise<void> {
    if (this.ring.held.length > 0) return;
    const text = await readFile(this.#path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new NodeError("state", `Read keys for secrets in etcd "${this.#path}" failed`, { cause: error });
    });
    if (text !== undefined) this.ring.restore(parseKeysFile(text));
  }

  /** Overwrites and forgets all: the keys that were brought were no use here. */
  async forget(): Promise<void> {
    this.ring.replace([], "at-once");
    await rm(this.#path, { force: true });
  }

  async #save(): Promise<void> {
    const keys = this.ring.held.map(({ generation, key, knownSinceMs }) => {
      return { generation, key: Buffer.from(key.reveal()).toString("base64"), knownSinceMs };
    });
    await writeFileAtomic(this.#path, JSON.stringify({ version: 1, keys } satisfies KeysFile), 0o600);
  }
}

/** Only we write the file, in a folder of root's: this guards against one that is not whole. Its text is in no message. */
function parseKeysFile(text: string): HeldKey[] {
  try {
    const { version, keys } = JSON.parse(text) as KeysFile;
    if (version !== 1) throw new Error("unknown version");
    return keys.map(({ generation, key, knownSinceMs }) => {
      requireGeneration(generation);
      if (typeof knownSinceMs !== "number") throw new Error("no time");
      return { generation, key: new EtcdSecretsKey(Buffer.from(key, "base64")), knownSinceMs };
    });
  } catch {
    throw new NodeError(
      "state",
      "Read keys for secrets in etcd failed: got a file that does not parse, wanted version 1",
    );
  }
}
