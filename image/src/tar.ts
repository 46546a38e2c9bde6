import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

const BLOCK = 512;

/** Takes the archive piece by piece; a hash is one. */
export interface Sink {
  update(bytes: Uint8Array): unknown;
}

/**
 * Writes the tar archive of a folder, in the one form that our layers have: entries in byte order of their names,
 * owner 0:0, time 0, ustar with pax headers for long names. Equal trees give equal bytes.
 */
export async function writeTar(dir: string, sink: Sink): Promise<void> {
  await addFolder(dir, "", sink);
  sink.update(new Uint8Array(2 * BLOCK));
}

/** SHA-256 (hex) of a folder's archive. */
export async function tarDigest(dir: string): Promise<string> {
  const hash = createHash("sha256");
  await writeTar(dir, hash);
  return hash.digest("hex");
}

async function addFolder(root: string, prefix: string, sink: Sink): Promise<void> {
  const names = (await readdir(join(root, prefix))).sort();
  for (const name of names) {
    const path = prefix === "" ? name : `${prefix}/${name}`;
    const stat = await lstat(join(root, path));
    if (stat.isSymbolicLink()) {
      writeHeader(sink, { path, mode: 0o777, size: 0, type: "2", link: await readlink(join(root, path)) });
    } else if (stat.isDirectory()) {
      writeHeader(sink, { path: `${path}/`, mode: stat.mode & 0o7777, size: 0, type: "5", link: "" });
      await addFolder(root, path, sink);
    } else if (stat.isFile()) {
      writeHeader(sink, { path, mode: stat.mode & 0o7777, size: stat.size, type: "0", link: "" });
      for await (const chunk of createReadStream(join(root, path))) sink.update(chunk as Buffer);
      sink.update(new Uint8Array((BLOCK - (stat.size % BLOCK)) % BLOCK));
    }
  }
}

interface Entry {
  path: string;
  mode: number;
  size: number;
  type: "0" | "2" | "5";
  link: string;
}

function writeHeader(sink: Sink, entry: Entry): void {
  const records = [
    ...(Buffer.byteLength(entry.path) > 100 ? [paxRecord("path", entry.path)] : []),
    ...(Buffer.byteLength(entry.link) > 100 ? [paxRecord("linkpath", entry.link)] : []),
  ].join("");
  if (records !== "") {
    const body = Buffer.from(records);
    sink.update(ustar({ path: "PaxHeader", mode: 0o644, size: body.length, type: "0", link: "" }, "x"));
    sink.update(body);
    sink.update(new Uint8Array((BLOCK - (body.length % BLOCK)) % BLOCK));
  }
  sink.update(ustar(entry, entry.type));
}

function paxRecord(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(body);
  while (String(length).length + Buffer.byteLength(body) !== length) {
    length = String(length).length + Buffer.byteLength(body);
  }
  return `${length}${body}`;
}

function ustar(entry: Entry, type: string): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(entry.path, 0, 100);
  header.write(octal(entry.mode, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(entry.size, 11), 124);
  header.write(octal(0, 11), 136);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(entry.link, 157, 100);
  header.write("ustar\0" + "00", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)} `, 148);
  return header;
}

/** Zero-padded octal digits with the closing NUL. */
function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}
