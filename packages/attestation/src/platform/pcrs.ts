import { bytes, type Field, object } from "@constellation/fields";
import { PCR_INDICES, type PcrIndex } from "../pcr-index.ts";

const VALUE = bytes(32);
const VALUES = object(
  Object.fromEntries(PCR_INDICES.map((index) => [index, VALUE])) as Record<PcrIndex, Field<Uint8Array>>,
);

/** SHA-256 values of PCR 0 to 15, all of them. */
export const PCRS_SHA256: Field<ReadonlyMap<number, Uint8Array>> = {
  read: (reader, path, value) => {
    const values = VALUES.read(reader, path, value);
    return new Map(PCR_INDICES.map((index) => [Number(index), values[index]]));
  },
  write: (value) => {
    const entries = PCR_INDICES.map((index) => [index, value.get(Number(index))]);
    return VALUES.write(Object.fromEntries(entries) as Record<PcrIndex, Uint8Array>);
  },
};
