import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hex, utf8 } from "@constellation/bytes";
import { digest } from "@constellation/crypto";
import { EndorsementError } from "../error.ts";
import { type EndorsementStore, MAX_ENTRY_BYTES } from "./store.ts";

/** No links, and no waiting for what is no file. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Keeps entries as files of one directory, for several processes at once. */
export class FileStore implements EndorsementStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The file of an address. */
  pathOf(url: string): string {
    return join(this.#directory, hex(digest("sha256", utf8(url))));
  }

  async get(url: string): Promise<Uint8Array | undefined> {
    try {
      return await readBounded(this.pathOf(url));
    } catch {
      // A cache that cannot be read is an empty one: the vendor is asked.
      return undefined;
    }
  }

  /** Writes another file and renames it, so that readers see the old entry or the new one, and writers do not mix. */
  async put(url: string, entry: Uint8Array): Promise<void> {
    if (entry.length > MAX_ENTRY_BYTES) throw notKept(`${entry.length} bytes, wanted ${MAX_ENTRY_BYTES} or fewer`);
    const path = this.pathOf(url);
    const temporary = `${path}.${randomUUID()}.tmp`;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      await writeFile(temporary, entry, { flag: "wx", mode: 0o600 });
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw notKept(`${(cause as Error).message}, wanted a file "${path}"`, { cause });
    }
  }
}

async function readBounded(path: string): Promise<Uint8Array | undefined> {
  await using file = await open(path, READ_FLAGS);
  const stat = await file.stat();
  if (!stat.isFile() || stat.size > MAX_ENTRY_BYTES) return undefined;
  const { buffer, bytesRead } = await file.read(new Uint8Array(stat.size), 0, stat.size, 0);
  return buffer.subarray(0, bytesRead);
}

function notKept(problem: string, options?: ErrorOptions): EndorsementError {
  return new EndorsementError("store", `Keep endorsement failed: got ${problem}`, options);
}
