import type { Command } from "../command.ts";
import { passwordAuthorization } from "../command.ts";
import { TPM_ALG, TPM_RH } from "../constants.ts";
import { TpmError } from "../error.ts";
import type { PcrSelection } from "../pcr-selection.ts";
import { readPcrSelections, selectedPcrs, serializePcrSelections } from "../pcr-selection.ts";
import { readSized, readYesNo } from "../reading.ts";
import { Writer } from "../writer.ts";

/** One answer of TPM2_PCR_Read: at most eight values, for a part of the PCRs asked for. */
export interface PcrReadAnswer {
  readonly updateCounter: number;
  readonly values: ReadonlyMap<number, Uint8Array>;
}

/** The answer of TPM2_PCR_Allocate; sizes in bytes. */
export interface PcrAllocation {
  readonly success: boolean;
  readonly maxPcr: number;
  readonly sizeNeeded: number;
  readonly sizeAvailable: number;
}

const MAX_VALUES = 8;
const MAX_DIGEST_BYTES = 64;

/** TPM2_PCR_Read (Part 3, 22.4) of one bank. */
export function pcrReadCommand(selection: PcrSelection): Command<PcrReadAnswer> {
  return {
    name: "TPM2_PCR_Read",
    code: 0x17e,
    handles: [],
    authorizations: [],
    parameters: serializePcrSelections([selection]),
    returnsHandle: false,
    read: (cursor) => {
      const updateCounter = cursor.u32be();
      const indices = readPcrSelections(cursor)
        .filter((bank) => bank.hash === selection.hash)
        .flatMap(selectedPcrs);
      const values = readDigests(cursor);
      if (values.length !== indices.length) {
        throw new TpmError("protocol", `TPM2_PCR_Read failed: got ${values.length} values for ${indices.length} PCRs`);
      }
      return { updateCounter, values: new Map(indices.map((index, at) => [index, values[at] as Uint8Array])) };
    },
  };
}

const EXTEND_BANKS: ReadonlyMap<number, number> = new Map([
  [32, TPM_ALG.SHA256],
  [48, TPM_ALG.SHA384],
]);

/** TPM2_PCR_Extend (Part 3, 22.2) of the SHA-256 or the SHA-384 bank, by the size of the digest. */
export function pcrExtendCommand(pcr: number, digest: Uint8Array): Command<void> {
  const bank = EXTEND_BANKS.get(digest.length);
  if (bank === undefined) {
    throw new TpmError("malformed", `TPM2_PCR_Extend failed: got a digest of ${digest.length} bytes, wanted 32 or 48`);
  }
  return {
    name: "TPM2_PCR_Extend",
    code: 0x182,
    handles: [pcr],
    authorizations: [passwordAuthorization()],
    parameters: new Writer().u32(1).u16(bank).bytes(digest).finish(),
    returnsHandle: false,
    read: () => undefined,
  };
}

/** TPM2_PCR_Allocate (Part 3, 22.5); takes effect at the next TPM reset. */
export function pcrAllocateCommand(banks: readonly PcrSelection[], platformAuth: Uint8Array): Command<PcrAllocation> {
  return {
    name: "TPM2_PCR_Allocate",
    code: 0x12b,
    handles: [TPM_RH.PLATFORM],
    authorizations: [passwordAuthorization(platformAuth)],
    parameters: serializePcrSelections(banks),
    returnsHandle: false,
    read: (cursor) => ({
      success: readYesNo(cursor, "allocationSuccess"),
      maxPcr: cursor.u32be(),
      sizeNeeded: cursor.u32be(),
      sizeAvailable: cursor.u32be(),
    }),
  };
}

function readDigests(cursor: Parameters<Command<unknown>["read"]>[0]): Uint8Array[] {
  const count = cursor.u32be();
  if (count > MAX_VALUES) {
    throw new TpmError("malformed", `TPM2_PCR_Read failed: got ${count} values, wanted at most ${MAX_VALUES}`);
  }
  return Array.from({ length: count }, () => readSized(cursor, "TPML_DIGEST", MAX_DIGEST_BYTES));
}
