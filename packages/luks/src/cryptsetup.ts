import type { Command, Exec } from "@constellation/exec";
import type { Secret } from "@constellation/keys";

/** Key derivation of each slot: the passphrase is 32 random bytes, so a slow function would only cost time (ADR 14). */
const KDF_ARGS = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--hash=sha256"];
const INTEGRITY_ARGS = ["--integrity=hmac-sha256", "--integrity-no-wipe"];

/** Exit code for a passphrase that opens no slot, and for a name or device that is not there (cryptsetup(8)). */
const NO_PERMISSION = 2;
const WRONG_DEVICE = 4;

/** What is formatted, and how. */
export interface FormatOptions {
  readonly device: string;
  readonly uuid: string;
  readonly integrity: boolean;
}

/** What is opened, by which checked copy of its header, under which name of the device-mapper. */
export interface OpenOptions {
  readonly device: string;
  readonly headerFile: string;
  readonly name: string;
  readonly readOnly?: boolean;
}

/**
 * The calls of cryptsetup that we make. Keys go in by standard input or an unnamed file (T6); all work on keys and
 * tokens is on a copy of the header, and a disk's own header is never read by cryptsetup (T7). Throws what `exec` throws.
 */
export class Cryptsetup {
  readonly #exec: Exec;

  constructor(exec: Exec) {
    this.#exec = exec;
  }

  async format({ device, uuid, integrity }: FormatOptions, key: Secret, signal: AbortSignal): Promise<void> {
    const cipher = ["--type=luks2", "--cipher=aes-xts-plain64", "--key-size=512"];
    const parameters = [...cipher, ...(integrity ? INTEGRITY_ARGS : []), "--sector-size=4096", ...KDF_ARGS];
    const args = ["luksFormat", ...parameters, "--uuid", uuid, "--batch-mode", "--key-file", "-", device];
    await this.#run({ args, stdin: key }, signal);
  }

  /** @returns whether the key opened the slot */
  async open(options: OpenOptions, key: Secret, signal: AbortSignal): Promise<boolean> {
    const { device, headerFile, name, readOnly = false } = options;
    const flags = readOnly ? ["--readonly"] : [];
    const args = ["open", "--type", "luks2", ...flags, "--header", headerFile, "--key-file", "-", device, name];
    return (await this.#run({ args, stdin: key, acceptedExitCodes: [NO_PERMISSION] }, signal)) === 0;
  }

  /** Closes a mapping; one that is not there is closed. */
  async close(name: string, signal: AbortSignal): Promise<void> {
    await this.#run({ args: ["close", name], acceptedExitCodes: [WRONG_DEVICE] }, signal);
  }

  /** Whether a mapping of the name is there. */
  async isOpen(name: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#run({ args: ["status", name], acceptedExitCodes: [WRONG_DEVICE] }, signal)) === 0;
  }

  /** Lets an open mapping be as large as its device has become. @returns whether the key was the right one */
  async resize(name: string, headerFile: string, key: Secret, signal: AbortSignal): Promise<boolean> {
    const args = ["resize", "--header", headerFile, "--key-file", "-", name];
    return (await this.#run({ args, stdin: key, acceptedExitCodes: [NO_PERMISSION] }, signal)) === 0;
  }

  /** Puts `next` in the place of `current` in slot 0 of a header copy. */
  async changeKey(headerFile: string, current: Secret, next: Secret, signal: AbortSignal): Promise<void> {
    const args = ["luksChangeKey", "--batch-mode", ...KDF_ARGS, "--key-slot", "0", "--key-file", "-"];
    await this.#run({ args: [...args, headerFile, NEW_KEY_FILE], stdin: current, extraInput: next }, signal);
  }

  /** Adds a slot for `next` to a header copy. @returns whether `current` opens a slot of it */
  async addKey(
    headerFile: string,
    slot: number,
    { current, next }: { readonly current: Secret; readonly next: Secret },
    signal: AbortSignal,
  ): Promise<boolean> {
    const args = ["luksAddKey", "--batch-mode", ...KDF_ARGS, "--key-slot", String(slot), "--key-file", "-"];
    const keys = { stdin: current, extraInput: next };
    const command = { args: [...args, headerFile, NEW_KEY_FILE], ...keys, acceptedExitCodes: [NO_PERMISSION] };
    return (await this.#run(command, signal)) === 0;
  }

  /** Removes a slot from a header copy and overwrites its area there. */
  async killSlot(headerFile: string, slot: number, signal: AbortSignal): Promise<void> {
    await this.#run({ args: ["luksKillSlot", "--batch-mode", headerFile, String(slot)] }, signal);
  }

  /** Writes token 0 of a header copy, in the place of one that is there. */
  async importToken(
    headerFile: string,
    token: string,
    { replace }: { readonly replace: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const flags = replace ? ["--token-replace"] : [];
    const args = ["token", "import", "--token-id", "0", ...flags, "--json-file", "-", headerFile];
    await this.#run({ args, stdin: new TextEncoder().encode(token) }, signal);
  }

  async #run(command: Omit<Command, "program">, signal: AbortSignal): Promise<number> {
    return (await this.#exec({ program: "cryptsetup", ...command }, signal)).exitCode;
  }
}

/** Where the child finds its second secret input. */
const NEW_KEY_FILE = "/proc/self/fd/3";
