import { createHash } from "node:crypto";
import { HEADER_SIZE_BYTES, VOLUME_HEADER_BYTES } from "@constellation/luks";
import {
  changeBytes,
  changeMetadata,
  integrityVolumeHeader,
  type Metadata,
  recordedVolumeHeader,
} from "@constellation/luks/testdata";

const UUID_OFFSET = 168;
const SEQUENCE_OFFSET = 8 + 8;
const HDR_OFFSET = 256;
const MAGIC = { primary: Buffer.from("4c554b53babe", "hex"), secondary: Buffer.from("534b554cbabe", "hex") };

/**
 * What cryptsetup does to header areas: real header bytes, recorded from cryptsetup and changed as it changes them; in a
 * key slot's area stands a digest of the passphrase in the place of the wrapped key.
 */
export function formatArea(uuid: string, integrity: boolean, key: Uint8Array): Uint8Array {
  const area = new Uint8Array(VOLUME_HEADER_BYTES);
  const recorded = integrity ? integrityVolumeHeader() : recordedVolumeHeader();
  area.set(changeBytes(recorded.slice(0, 2 * HEADER_SIZE_BYTES), UUID_OFFSET, Buffer.from(uuid)));
  changeMetadata(area, (metadata) => (metadata.tokens = {}));
  mark(area, 32768, key);
  return area;
}

/** Number of the slot that a passphrase opens. */
export function openSlot(area: Uint8Array, key: Uint8Array): string | undefined {
  const { keyslots } = metadataOf(area);
  return Object.keys(keyslots).find((name) => {
    const offset = Number(keyslots[name].area.offset);
    return Buffer.compare(area.subarray(offset, offset + 32), digestOf(key)) === 0;
  });
}

/** Adds a slot in the place that is free. */
export function addSlot(area: Uint8Array, slot: string, key: Uint8Array): void {
  const { keyslots } = metadataOf(area);
  const [only] = Object.values<Metadata>(keyslots);
  const size = Number(only.area.size);
  const offset = Number(only.area.offset) === 32768 ? 32768 + size : 32768;
  mark(area, offset, key);
  change(area, (metadata) => {
    metadata.keyslots[slot] = { ...only, area: { ...only.area, offset: String(offset) } };
    metadata.digests["0"].keyslots.push(slot);
  });
}

/** Removes a slot and overwrites its area. */
export function killSlot(area: Uint8Array, slot: string): void {
  const { offset, size } = metadataOf(area).keyslots[slot].area;
  area.fill(0xa5, Number(offset), Number(offset) + Number(size));
  change(area, (metadata) => {
    delete metadata.keyslots[slot];
    metadata.digests["0"].keyslots = metadata.digests["0"].keyslots.filter((name: string) => name !== slot);
  });
}

/** Writes token 0. */
export function importToken(area: Uint8Array, json: string, replace: boolean): void {
  if (!replace && "0" in metadataOf(area).tokens) throw new Error("token 0 is in use");
  change(area, (metadata) => (metadata.tokens["0"] = JSON.parse(json)));
}

/** Makes a copy that is missing anew from the other one, as cryptsetup does when it reads a header. */
export function recover(area: Uint8Array): void {
  const present = (offset: number): boolean => area.subarray(offset, offset + 6).some((byte) => byte !== 0);
  if (present(0) && present(HEADER_SIZE_BYTES)) return;
  const [from, to, name] = present(0)
    ? ([0, HEADER_SIZE_BYTES, "secondary"] as const)
    : ([HEADER_SIZE_BYTES, 0, "primary"] as const);
  area.copyWithin(to, from, from + HEADER_SIZE_BYTES);
  const offset = Buffer.alloc(8);
  offset.writeBigUInt64BE(BigInt(to));
  changeBytes(area, 0, MAGIC[name], [name]);
  changeBytes(area, HDR_OFFSET, offset, [name]);
}

function change(area: Uint8Array, edit: (metadata: Metadata) => void): void {
  changeMetadata(area, edit);
  const next = Buffer.alloc(8);
  next.writeBigUInt64BE(Buffer.from(area.subarray(SEQUENCE_OFFSET, SEQUENCE_OFFSET + 8)).readBigUInt64BE() + 1n);
  changeBytes(area, SEQUENCE_OFFSET, next);
}

function metadataOf(area: Uint8Array): Metadata {
  const text = Buffer.from(area.subarray(4096, HEADER_SIZE_BYTES)).toString("latin1");
  return JSON.parse(text.slice(0, text.indexOf("\0")));
}

function mark(area: Uint8Array, offset: number, key: Uint8Array): void {
  area.set(digestOf(key), offset);
}

function digestOf(key: Uint8Array): Uint8Array {
  return createHash("sha256").update(key).digest();
}
