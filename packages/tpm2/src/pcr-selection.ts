import type { Cursor } from "@constellation/bytes";
import { TPM_ALG } from "./constants.ts";
import { TpmError } from "./error.ts";
import { parseWhole } from "./reading.ts";
import { Writer } from "./writer.ts";

/** TPMS_PCR_SELECTION (Part 2, 10.6.2): one bank and the bitmap of its PCRs, PCR 0 in the lowest bit of the first byte. */
export interface PcrSelection {
  readonly hash: number;
  readonly pcrSelect: Uint8Array;
}

const MAX_BANKS = 16;
const MAX_SELECT_BYTES = 4;
const SELECT_BYTES = 3;

/** The selection of some PCRs of one bank, in the three bytes that PC Client TPMs use. */
export function selectPcrs(indices: Iterable<number>, hash: number = TPM_ALG.SHA256): PcrSelection {
  const pcrSelect = new Uint8Array(SELECT_BYTES);
  for (const index of indices) {
    if (!Number.isInteger(index) || index < 0 || index >= 8 * SELECT_BYTES) {
      throw new TpmError("malformed", `Select PCRs failed: got PCR "${index}", wanted 0 to ${8 * SELECT_BYTES - 1}`);
    }
    pcrSelect[index >> 3] = (pcrSelect[index >> 3] as number) | (1 << (index & 7));
  }
  return { hash, pcrSelect };
}

/** The PCR numbers of a selection, ascending. */
export function selectedPcrs(selection: PcrSelection): number[] {
  const indices: number[] = [];
  selection.pcrSelect.forEach((byte, position) => {
    for (let bit = 0; bit < 8; bit++) if ((byte >> bit) & 1) indices.push(8 * position + bit);
  });
  return indices;
}

/** Parses a TPML_PCR_SELECTION (Part 2, 10.9.7) that fills `bytes`. */
export function parsePcrSelections(bytes: Uint8Array): PcrSelection[] {
  return parseWhole("TPML_PCR_SELECTION", bytes, readPcrSelections);
}

/** Reads a TPML_PCR_SELECTION out of a larger structure. */
export function readPcrSelections(cursor: Cursor): PcrSelection[] {
  const count = cursor.u32be();
  if (count > MAX_BANKS) {
    throw new TpmError("malformed", `Parse TPML_PCR_SELECTION failed: got ${count} banks, wanted at most ${MAX_BANKS}`);
  }
  return Array.from({ length: count }, () => readPcrSelection(cursor));
}

/** The TPML_PCR_SELECTION as the TPM marshals it. */
export function serializePcrSelections(selections: readonly PcrSelection[]): Uint8Array {
  const writer = new Writer().u32(selections.length);
  for (const { hash, pcrSelect } of selections) writer.u16(hash).u8(pcrSelect.length).bytes(pcrSelect);
  return writer.finish();
}

function readPcrSelection(cursor: Cursor): PcrSelection {
  const hash = cursor.u16be();
  const size = cursor.u8();
  if (size < 1 || size > MAX_SELECT_BYTES) {
    throw new TpmError(
      "malformed",
      `Parse TPMS_PCR_SELECTION failed: got sizeofSelect ${size}, wanted 1 to ${MAX_SELECT_BYTES}`,
    );
  }
  return { hash, pcrSelect: cursor.take(size) };
}
