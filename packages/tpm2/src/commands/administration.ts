import type { Command } from "../command.ts";
import { passwordAuthorization } from "../command.ts";
import { TPM_CAP } from "../constants.ts";
import { TpmError } from "../error.ts";
import type { PcrSelection } from "../pcr-selection.ts";
import { readPcrSelections } from "../pcr-selection.ts";
import { readYesNo } from "../reading.ts";
import { Writer } from "../writer.ts";

const EMPTY = new Uint8Array(0);
const MAX_LIST = 4096;

/** The answer to TPM2_GetCapability, as far as this package reads it. */
export type CapabilityData =
  | { readonly capability: typeof TPM_CAP.HANDLES; readonly handles: readonly number[] }
  | { readonly capability: typeof TPM_CAP.PCRS; readonly assignedPcr: readonly PcrSelection[] }
  | { readonly capability: typeof TPM_CAP.TPM_PROPERTIES; readonly properties: ReadonlyMap<number, number> };

/** A page of capabilities, and whether there is another. */
export type Capabilities = CapabilityData & { readonly moreData: boolean };

/** TPM2_Startup (Part 3, 9.3). */
export function startupCommand(startupType: number): Command<void> {
  return withoutAnswer("TPM2_Startup", 0x144, new Writer().u16(startupType).finish());
}

/** TPM2_Shutdown (Part 3, 9.4). */
export function shutdownCommand(shutdownType: number): Command<void> {
  return withoutAnswer("TPM2_Shutdown", 0x145, new Writer().u16(shutdownType).finish());
}

/** TPM2_FlushContext (Part 3, 28.4). */
export function flushContextCommand(handle: number): Command<void> {
  return withoutAnswer("TPM2_FlushContext", 0x165, new Writer().u32(handle).finish());
}

/** TPM2_Clear (Part 3, 24.6). */
export function clearCommand(authHandle: number, auth: Uint8Array): Command<void> {
  return {
    ...withoutAnswer("TPM2_Clear", 0x126, EMPTY),
    handles: [authHandle],
    authorizations: [passwordAuthorization(auth)],
  };
}

/** TPM2_GetCapability (Part 3, 30.2). */
export function getCapabilityCommand(capability: number, property: number, count: number): Command<Capabilities> {
  return {
    name: "TPM2_GetCapability",
    code: 0x17a,
    handles: [],
    authorizations: [],
    parameters: new Writer().u32(capability).u32(property).u32(count).finish(),
    returnsHandle: false,
    read: (cursor) => {
      const moreData = readYesNo(cursor, "moreData");
      return { moreData, ...readCapabilityData(cursor, capability) };
    },
  };
}

function readCapabilityData(cursor: Parameters<Command<unknown>["read"]>[0], wanted: number): CapabilityData {
  const capability = cursor.u32be();
  if (capability !== wanted) {
    throw new TpmError("protocol", `TPM2_GetCapability failed: got capability "${capability}", wanted "${wanted}"`);
  }
  if (capability === TPM_CAP.PCRS) return { capability, assignedPcr: readPcrSelections(cursor) };
  if (capability === TPM_CAP.HANDLES) return { capability, handles: readList(cursor, () => cursor.u32be()) };
  if (capability === TPM_CAP.TPM_PROPERTIES) {
    return { capability, properties: new Map(readList(cursor, () => [cursor.u32be(), cursor.u32be()] as const)) };
  }
  throw new TpmError("unsupported", `TPM2_GetCapability failed: got capability "${capability}", wanted 1, 5 or 6`);
}

function readList<T>(cursor: Parameters<Command<unknown>["read"]>[0], item: () => T): T[] {
  const count = cursor.u32be();
  if (count > MAX_LIST) {
    throw new TpmError("malformed", `TPM2_GetCapability failed: got ${count} entries, wanted at most ${MAX_LIST}`);
  }
  return Array.from({ length: count }, item);
}

function withoutAnswer(name: string, code: number, parameters: Uint8Array): Command<void> {
  return { name, code, handles: [], authorizations: [], parameters, returnsHandle: false, read: () => undefined };
}
