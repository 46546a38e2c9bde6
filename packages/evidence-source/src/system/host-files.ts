/**
 * The files of this machine, as far as this package needs them. Paths are absolute. Failures are those of the system
 * calls, with their `code`, such as "ENOENT".
 */
export interface HostFiles {
  readonly exists: (path: string) => Promise<boolean>;
  /** All bytes of a file. @throws EvidenceSourceError `blob_too_large` past `maxBytes` */
  readonly read: (path: string, maxBytes: number) => Promise<Uint8Array>;
  /** Writes all bytes at once into a file that exists, and closes it: configfs takes a blob when its file is closed. */
  readonly write: (path: string, bytes: Uint8Array) => Promise<void>;
  readonly makeDirectory: (path: string) => Promise<void>;
  /** Removes a directory; in configfs, with the attributes in it. */
  readonly removeDirectory: (path: string) => Promise<void>;
}

/** The name of the system call's error, such as "ENOENT", or undefined for another error. */
export function systemCode(error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof syscall === "string" ? code : undefined;
}
