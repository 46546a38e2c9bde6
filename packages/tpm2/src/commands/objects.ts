import { equalConstantTime } from "@constellation/bytes";
import type { Command } from "../command.ts";
import { passwordAuthorization } from "../command.ts";
import { TpmError } from "../error.ts";
import { computeName } from "../name.ts";
import type { TpmtPublic } from "../public-area.ts";
import { parsePublic, serializePublic } from "../public-area.ts";
import { serializePcrSelections } from "../pcr-selection.ts";
import { readSized } from "../reading.ts";
import { Writer } from "../writer.ts";

/** A loaded object: its public area and Name. */
export interface LoadedObject {
  readonly public: TpmtPublic;
  readonly name: Uint8Array;
}

/** A primary key just created, with the handle to flush later. */
export interface PrimaryObject extends LoadedObject {
  readonly handle: number;
}

const EMPTY = new Uint8Array(0);
const MAX_BUFFER_BYTES = 4096;
const MAX_NAME_BYTES = 66;

/** TPM2_CreatePrimary (Part 3, 24.1) with an empty authorisation value and no outside data. */
export function createPrimaryCommand(
  hierarchy: number,
  template: TpmtPublic,
  hierarchyAuth: Uint8Array,
): Command<PrimaryObject> {
  const inSensitive = new Writer().sized(EMPTY).sized(EMPTY).finish();
  return {
    name: "TPM2_CreatePrimary",
    code: 0x131,
    handles: [hierarchy],
    authorizations: [passwordAuthorization(hierarchyAuth)],
    parameters: new Writer()
      .sized(inSensitive)
      .sized(serializePublic(template))
      .sized(EMPTY)
      .bytes(serializePcrSelections([]))
      .finish(),
    returnsHandle: true,
    read: (cursor, handle) => {
      const area = parsePublic(readSized(cursor, "TPM2B_PUBLIC", MAX_BUFFER_BYTES));
      readSized(cursor, "TPM2B_CREATION_DATA", MAX_BUFFER_BYTES);
      readSized(cursor, "creationHash", MAX_NAME_BYTES);
      skipCreationTicket(cursor);
      const name = readSized(cursor, "TPM2B_NAME", MAX_NAME_BYTES);
      requireName("TPM2_CreatePrimary", area, name);
      return { handle, public: area, name };
    },
  };
}

/** TPM2_ReadPublic (Part 3, 12.4). */
export function readPublicCommand(handle: number): Command<LoadedObject> {
  return {
    name: "TPM2_ReadPublic",
    code: 0x173,
    handles: [handle],
    authorizations: [],
    parameters: EMPTY,
    returnsHandle: false,
    read: (cursor) => {
      const area = parsePublic(readSized(cursor, "TPM2B_PUBLIC", MAX_BUFFER_BYTES));
      const name = readSized(cursor, "TPM2B_NAME", MAX_NAME_BYTES);
      readSized(cursor, "qualifiedName", MAX_NAME_BYTES);
      requireName("TPM2_ReadPublic", area, name);
      return { public: area, name };
    },
  };
}

function skipCreationTicket(cursor: Parameters<Command<unknown>["read"]>[0]): void {
  cursor.u16be();
  cursor.u32be();
  readSized(cursor, "TPMT_TK_CREATION.digest", MAX_NAME_BYTES);
}

function requireName(command: string, area: TpmtPublic, name: Uint8Array): void {
  if (equalConstantTime(computeName(area), name)) return;
  throw new TpmError("protocol", `${command} failed: the TPM's name for the object is not that of its public area`);
}
