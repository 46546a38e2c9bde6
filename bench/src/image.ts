import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Row } from "./row.ts";

const MIB = 1024 * 1024;

/** Size of the node image: the file, what of it takes space, and the part that firmware reads. */
export async function benchImage(): Promise<Row[]> {
  const folder = resolve(import.meta.dirname, "../../build/image");
  const raw = await stat(join(folder, "constellation.raw"));
  const uki = await stat(join(folder, "constellation.efi"));
  return [
    { what: "image, MiB (of which on disk)", figure: `${mib(raw.size)} (${mib(raw.blocks * 512)})` },
    { what: "UKI, MiB", figure: mib(uki.size) },
  ];
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}
