import type { FileSource } from "./dropped-files.ts";

/** The files of a file or folder picker. */
export function pickedFiles(files: FileList): FileSource[] {
  return Array.from(files, (file) => fileSource(file, file.webkitRelativePath || file.name));
}

/** The files of a drop, those inside of dropped folders too. Must be called before the event's handler gives way. */
export async function droppedFiles({ items }: DataTransfer): Promise<FileSource[]> {
  const files = Array.from(items).filter(({ kind }) => kind === "file");
  return (await Promise.all(files.map(filesOf))).flat();
}

/** Where a page is a file itself, Chromium opens dropped things as handles only; other browsers have entries only. */
type HandleItem = DataTransferItem & { readonly getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

async function filesOf(item: HandleItem): Promise<FileSource[]> {
  if (item.getAsFileSystemHandle === undefined) {
    const entry = item.webkitGetAsEntry();
    return entry === null ? [] : await filesBelowEntry(entry);
  }
  const handle = await item.getAsFileSystemHandle();
  return handle === null ? [] : await filesBelowHandle(handle, handle.name);
}

async function filesBelowHandle(handle: FileSystemHandle, path: string): Promise<FileSource[]> {
  if (handle.kind === "file") return [fileSource(await (handle as FileSystemFileHandle).getFile(), path)];
  const inside: FileSource[] = [];
  for await (const child of (handle as FileSystemDirectoryHandle).values()) {
    inside.push(...(await filesBelowHandle(child, `${path}/${child.name}`)));
  }
  return inside;
}

async function filesBelowEntry(entry: FileSystemEntry): Promise<FileSource[]> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [fileSource(file, entry.fullPath.replace(/^\//, ""))];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const inside: FileSource[] = [];
  // A reader gives a hundred entries or so at a time, and none at the end.
  for (let batch = await readBatch(reader); batch.length > 0; batch = await readBatch(reader)) {
    for (const files of await Promise.all(batch.map(filesBelowEntry))) inside.push(...files);
  }
  return inside;
}

function readBatch(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

function fileSource(file: File, path: string): FileSource {
  return { path, size: file.size, read: async () => new Uint8Array(await file.arrayBuffer()) };
}
