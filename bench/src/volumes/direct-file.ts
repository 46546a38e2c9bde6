import { constants, closeSync, fdatasyncSync, openSync, readSync, writeSync } from "node:fs";

const PAGE_BYTES = 65_536;

/** What Node.js's types leave out. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** A device without the page cache. Each call is one request of the kernel, done when it returns. */
export interface DirectFile {
  /** Writes so many bytes at an offset. */
  write(offset: number, length: number): void;
  /** Reads so many bytes at an offset. */
  read(offset: number, length: number): void;
  /** Has what was written be where it stays. */
  flush(): void;
  close(): void;
}

/**
 * Opens a device for requests of at most so many bytes, with one at a time: nothing but the device takes time then.
 * @throws Error if it can't be opened so
 */
export function openDirect(path: string, greatestBytes: number): DirectFile {
  const file = openSync(path, constants.O_RDWR | constants.O_DIRECT);
  // The kernel wants buffers that begin where a sector would. Node's own begin anywhere; memory of WebAssembly is mapped.
  const { buffer } = new WebAssembly.Memory({ initial: Math.ceil(greatestBytes / PAGE_BYTES) });
  const bytes = new Uint8Array(buffer);
  // Not zeros, which some layer below could treat as nothing.
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = at * 167 + (at >> 8);
  const whole = (what: string, done: number, length: number): void => {
    if (done !== length) throw new Error(`${what} "${path}" failed: got ${done} bytes, wanted ${length}`);
  };
  return {
    write: (offset, length) => whole("Write", writeSync(file, bytes, 0, length, offset), length),
    read: (offset, length) => whole("Read", readSync(file, bytes, 0, length, offset), length),
    flush: () => fdatasyncSync(file),
    close: () => closeSync(file),
  };
}
