import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { computeChecksum, copyOffset, HEADER_SIZE_BYTES, type CopyName } from "../binary-header.ts";

/** UUID of the recorded disk. */
export const RECORDED_UUID = "5c7c0000-0000-8000-8000-000000000000";

const CHECKSUM_OFFSET = 448;
const JSON_OFFSET = 4096;
const COPIES: readonly CopyName[] = ["primary", "secondary"];

/** A fresh copy of the recorded header area: an initialised state disk. */
export function recordedHeader(): Uint8Array {
  const file = join(import.meta.dirname, "initialised.header.gz");
  return new Uint8Array(gunzipSync(readFileSync(file)));
}

/** UUID of the recorded volume. */
export const RECORDED_VOLUME_UUID = "5c7c0000-0000-4000-8000-000000000001";

/** A fresh copy of the recorded header of a volume without integrity, with a token of generation 1. */
export function recordedVolumeHeader(): Uint8Array {
  return new Uint8Array(gunzipSync(readFileSync(join(import.meta.dirname, "volume.header.gz"))));
}

/** The same with integrity: the recorded state disk with a volume's token and key slot place. */
export function integrityVolumeHeader(): Uint8Array {
  return changeMetadata(recordedHeader(), (metadata) => {
    metadata.tokens["0"] = { type: "constellation-volume", keyslots: [], generation: 1, integrity: true };
    metadata.keyslots["0"].area.offset = "32768";
  });
}

/** The metadata of a copy, for changing. */
// biome-ignore lint: tests change any part of it
export type Metadata = any;

/** Writes changed metadata into the given copies and makes their checksums right again, as an attacker would. */
export function changeMetadata(
  area: Uint8Array,
  change: (metadata: Metadata) => void,
  copies: readonly CopyName[] = COPIES,
): Uint8Array {
  return changeJson(
    area,
    (json) => {
      const metadata: Metadata = JSON.parse(json);
      change(metadata);
      return JSON.stringify(metadata);
    },
    copies,
  );
}

/** The same for the text of the JSON area. */
export function changeJson(
  area: Uint8Array,
  change: (json: string) => string,
  copies: readonly CopyName[] = COPIES,
): Uint8Array {
  for (const copy of copies) {
    const bytes = copyBytes(area, copy).subarray(JSON_OFFSET);
    const text = change(Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString("latin1"));
    bytes.fill(0);
    bytes.set(Buffer.from(text, "latin1"));
  }
  return sealed(area, copies);
}

/** Writes bytes at an offset of the given copies and makes their checksums right again. */
export function changeBytes(
  area: Uint8Array,
  offset: number,
  bytes: Uint8Array,
  copies: readonly CopyName[] = COPIES,
): Uint8Array {
  for (const copy of copies) copyBytes(area, copy).set(bytes, offset);
  return sealed(area, copies);
}

function sealed(area: Uint8Array, copies: readonly CopyName[]): Uint8Array {
  for (const copy of copies) {
    const bytes = copyBytes(area, copy);
    bytes.set(computeChecksum(bytes), CHECKSUM_OFFSET);
  }
  return area;
}

function copyBytes(area: Uint8Array, copy: CopyName): Uint8Array {
  return area.subarray(copyOffset(copy), copyOffset(copy) + HEADER_SIZE_BYTES);
}
