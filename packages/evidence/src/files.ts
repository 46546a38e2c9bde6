import { EvidenceError } from "./error.ts";

/** The files that a piece of evidence consists of, by their roles. */
export class EvidenceFiles {
  readonly #files: ReadonlyMap<string, Uint8Array>;

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = files;
  }

  has(role: string): boolean {
    return this.#files.has(role);
  }

  /** The same files and these, which take the place of those of their roles. */
  with(more: ReadonlyMap<string, Uint8Array>): EvidenceFiles {
    return new EvidenceFiles(new Map([...this.#files, ...more]));
  }

  /** @throws EvidenceError `file_missing` */
  get(role: string): Uint8Array {
    const bytes = this.#files.get(role);
    if (bytes !== undefined) return bytes;
    throw new EvidenceError("file_missing", `Read evidence failed: got no file "${role}", wanted one`);
  }
}
