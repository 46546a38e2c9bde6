import type { Command } from "../command.ts";
import { passwordAuthorization } from "../command.ts";
import { TPM_ALG, TPMA_NV } from "../constants.ts";
import { parseWhole, readSized } from "../reading.ts";
import { Writer } from "../writer.ts";

/** TPMS_NV_PUBLIC (Part 2, 13.5). */
export interface NvPublic {
  readonly nvIndex: number;
  readonly nameAlg: number;
  /** TPMA_NV, all 32 bits as they stand. */
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly dataSizeBytes: number;
}

/** Who may use an NV index: a hierarchy, or the index itself, with its password. */
export interface NvAuthority {
  readonly handle: number;
  readonly auth: Uint8Array;
}

/**
 * The attributes of an index that only the platform (firmware, or the one who makes the machine) can define, write
 * and remove, and that everybody on the machine can read with an empty authorisation.
 */
export const NV_PLATFORM_READABLE: number =
  TPMA_NV.PPWRITE | TPMA_NV.PPREAD | TPMA_NV.OWNERREAD | TPMA_NV.AUTHREAD | TPMA_NV.NO_DA | TPMA_NV.PLATFORMCREATE;

const EMPTY = new Uint8Array(0);
const MAX_BUFFER_BYTES = 2048;
const MAX_NAME_BYTES = 66;

/** TPM2_NV_DefineSpace (Part 3, 31.3) of an ordinary index with an empty authorisation value. */
export function nvDefineSpaceCommand(
  definer: NvAuthority,
  area: Omit<NvPublic, "nameAlg" | "authPolicy">,
): Command<void> {
  const publicInfo = new Writer()
    .u32(area.nvIndex)
    .u16(TPM_ALG.SHA256)
    .u32(area.attributes)
    .sized(EMPTY)
    .u16(area.dataSizeBytes)
    .finish();
  return {
    ...authorized("TPM2_NV_DefineSpace", 0x12a, definer),
    handles: [definer.handle],
    parameters: new Writer().sized(EMPTY).sized(publicInfo).finish(),
    read: () => undefined,
  };
}

/** TPM2_NV_UndefineSpace (Part 3, 31.4). */
export function nvUndefineSpaceCommand(definer: NvAuthority, nvIndex: number): Command<void> {
  return {
    ...authorized("TPM2_NV_UndefineSpace", 0x122, definer),
    handles: [definer.handle, nvIndex],
    parameters: EMPTY,
    read: () => undefined,
  };
}

/** TPM2_NV_ReadPublic (Part 3, 31.6). */
export function nvReadPublicCommand(nvIndex: number): Command<NvPublic> {
  return {
    name: "TPM2_NV_ReadPublic",
    code: 0x169,
    handles: [nvIndex],
    authorizations: [],
    parameters: EMPTY,
    returnsHandle: false,
    read: (cursor) => {
      const area = parseNvPublic(readSized(cursor, "TPM2B_NV_PUBLIC", MAX_BUFFER_BYTES));
      readSized(cursor, "nvName", MAX_NAME_BYTES);
      return area;
    },
  };
}

/** TPM2_NV_Write (Part 3, 31.7). */
export function nvWriteCommand(writer: NvAuthority, nvIndex: number, data: Uint8Array, offset: number): Command<void> {
  return {
    ...authorized("TPM2_NV_Write", 0x137, writer),
    handles: [writer.handle, nvIndex],
    parameters: new Writer().sized(data).u16(offset).finish(),
    read: () => undefined,
  };
}

/** TPM2_NV_Read (Part 3, 31.13). */
export function nvReadCommand(reader: NvAuthority, nvIndex: number, size: number, offset: number): Command<Uint8Array> {
  return {
    ...authorized("TPM2_NV_Read", 0x14e, reader),
    handles: [reader.handle, nvIndex],
    parameters: new Writer().u16(size).u16(offset).finish(),
    read: (cursor) => readSized(cursor, "TPM2B_MAX_NV_BUFFER", MAX_BUFFER_BYTES),
  };
}

function parseNvPublic(bytes: Uint8Array): NvPublic {
  return parseWhole("TPMS_NV_PUBLIC", bytes, (cursor) => ({
    nvIndex: cursor.u32be(),
    nameAlg: cursor.u16be(),
    attributes: cursor.u32be(),
    authPolicy: readSized(cursor, "TPMS_NV_PUBLIC.authPolicy", MAX_NAME_BYTES),
    dataSizeBytes: cursor.u16be(),
  }));
}

function authorized(
  name: string,
  code: number,
  authority: NvAuthority,
): Pick<Command<never>, "name" | "code" | "authorizations" | "returnsHandle"> {
  return { name, code, authorizations: [passwordAuthorization(authority.auth)], returnsHandle: false };
}
