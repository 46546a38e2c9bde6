import type { HostFiles } from "../system/host-files.ts";
import { EvidenceSourceError } from "../error.ts";
import { TSM_REPORTS } from "../tsm/tsm-report.ts";

/** A guest driver as configfs shows it. */
export interface FakeTsm {
  readonly provider: string;
  /** What a report on this data is; `auxblob` is left out by providers without one. */
  readonly report: (inblob: Uint8Array) => { readonly outblob: Uint8Array; readonly auxblob?: Uint8Array };
  /** Happens before an attribute is read: where another program comes between. */
  readonly between?: (entry: FakeEntry, attribute: string) => void;
}

/** A report entry. */
export interface FakeEntry {
  generation: number;
  inblob: Uint8Array | undefined;
  /** What was reported on this inblob. */
  made?: { readonly inblob: Uint8Array; readonly report: ReturnType<FakeTsm["report"]> };
}

type Operation = keyof HostFiles;

/** The error of a system call. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: fake`), { code, syscall: "fake" });
}

/** The files of a machine that is not there: a device tree, and configfs with the kernel's report entries. */
export class FakeHost implements HostFiles {
  readonly tree = new Map<string, Uint8Array>();
  readonly entries = new Map<string, FakeEntry>();
  /** Error codes of the next calls, by operation and path; undefined lets a call through. */
  readonly faults = new Map<string, (string | undefined)[]>();
  /** Every call, in order. */
  readonly calls: string[] = [];
  tsm: FakeTsm | undefined;

  /** Adds files, given as text or bytes. */
  with(files: Readonly<Record<string, string | Uint8Array>>): this {
    for (const [path, content] of Object.entries(files)) {
      this.tree.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
    }
    return this;
  }

  /** Has the next calls fail. */
  fails(operation: Operation, path: string, ...codes: (string | undefined)[]): this {
    this.faults.set(`${operation} ${path}`, codes);
    return this;
  }

  exists = async (path: string): Promise<boolean> => {
    this.#call("exists", path);
    return this.tree.has(path);
  };

  read = async (path: string, maxBytes: number): Promise<Uint8Array> => {
    this.#call("read", path);
    const bytes = path.startsWith(`${TSM_REPORTS}/`) ? this.#attribute(path) : this.tree.get(path);
    if (bytes === undefined) throw systemError("ENOENT");
    if (bytes.length > maxBytes) throw new EvidenceSourceError("blob_too_large", `got ${bytes.length} bytes`);
    return bytes;
  };

  write = async (path: string, bytes: Uint8Array): Promise<void> => {
    this.#call("write", path);
    const entry = this.#entry(path);
    entry.inblob = bytes;
    entry.generation++;
  };

  makeDirectory = async (path: string): Promise<void> => {
    this.#call("makeDirectory", path);
    if (this.tsm === undefined) throw systemError("ENOENT");
    if (this.entries.has(path)) throw systemError("EEXIST");
    this.entries.set(path, { generation: 0, inblob: undefined });
  };

  removeDirectory = async (path: string): Promise<void> => {
    this.#call("removeDirectory", path);
    if (!this.entries.delete(path)) throw systemError("ENOENT");
  };

  #call(operation: Operation, path: string): void {
    this.calls.push(`${operation} ${path}`);
    const code = this.faults.get(`${operation} ${path}`)?.shift();
    if (code !== undefined) throw systemError(code);
  }

  #entry(path: string): FakeEntry {
    const entry = this.entries.get(path.slice(0, path.lastIndexOf("/")));
    if (entry === undefined) throw systemError("ENOENT");
    return entry;
  }

  #attribute(path: string): Uint8Array | undefined {
    const entry = this.#entry(path);
    const tsm = this.tsm as FakeTsm;
    const name = path.slice(path.lastIndexOf("/") + 1);
    tsm.between?.(entry, name);
    const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\n`);
    if (name === "provider") return text(tsm.provider);
    if (name === "generation") return text(`${entry.generation}`);
    if (entry.inblob === undefined) throw systemError("EINVAL");
    if (entry.made?.inblob !== entry.inblob) entry.made = { inblob: entry.inblob, report: tsm.report(entry.inblob) };
    return entry.made.report[name as "outblob" | "auxblob"];
  }
}
