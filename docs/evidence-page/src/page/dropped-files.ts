/** A file that somebody gave to the page. */
export interface DroppedFile {
  /** Below the folder it was dropped with, that folder's name included: `case/report.bin`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Where a file's bytes come from; a `File` of the browser. */
export interface FileSource {
  readonly path: string;
  readonly size: number;
  readonly read: () => Promise<Uint8Array>;
}

/** Largest file that is looked at, as `constellation evidence` has it. */
export const MAX_FILE_BYTES: number = 16 * 1024 * 1024;
/** Most that is kept in memory. */
export const MAX_TOTAL_BYTES: number = 256 * 1024 * 1024;
/** Most files; somebody who drops more has dropped the wrong folder. */
export const MAX_FILES = 5000;

/** Reads files, all or none. @throws RangeError for more or larger files than evidence has */
export async function readFiles(sources: readonly FileSource[]): Promise<DroppedFile[]> {
  if (sources.length > MAX_FILES) {
    throw new RangeError(`Read files failed: got ${sources.length} files, wanted ${MAX_FILES} or fewer`);
  }
  const large = sources.find(({ size }) => size > MAX_FILE_BYTES);
  if (large !== undefined) {
    throw new RangeError(
      `Read ${large.path} failed: got ${large.size} bytes, wanted ${MAX_FILE_BYTES} or fewer in one file`,
    );
  }
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_TOTAL_BYTES) {
    throw new RangeError(`Read files failed: got ${total} bytes, wanted ${MAX_TOTAL_BYTES} or fewer in all`);
  }
  return await Promise.all(sources.map(async ({ path, read }) => ({ path, bytes: await read() })));
}
