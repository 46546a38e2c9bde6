import type { Command } from "../command.ts";
import { passwordAuthorization } from "../command.ts";
import { type PcrSelection, serializePcrSelections } from "../pcr-selection.ts";
import { readSized } from "../reading.ts";
import type { SealedObject } from "../sealed-object.ts";
import { Writer } from "../writer.ts";

const EMPTY = new Uint8Array(0);
const MAX_NAME_BYTES = 66;

/** TPM2_PolicyPCR (Part 3, 23.7) for the values that the PCRs have now. */
export function policyPcrCommand(session: number, pcrs: PcrSelection): Command<void> {
  return {
    name: "TPM2_PolicyPCR",
    code: 0x17f,
    handles: [session],
    authorizations: [],
    parameters: new Writer()
      .sized(EMPTY)
      .bytes(serializePcrSelections([pcrs]))
      .finish(),
    returnsHandle: false,
    read: () => undefined,
  };
}

/** TPM2_Load (Part 3, 12.2) under a parent without a password. Its private area is encrypted by the TPM. */
export function loadCommand(parent: number, object: SealedObject): Command<{ handle: number; name: Uint8Array }> {
  return {
    name: "TPM2_Load",
    code: 0x157,
    handles: [parent],
    authorizations: [passwordAuthorization()],
    parameters: new Writer().sized(object.privateArea).sized(object.publicArea).finish(),
    returnsHandle: true,
    read: (cursor, handle) => ({ handle, name: readSized(cursor, "TPM2B_NAME", MAX_NAME_BYTES) }),
  };
}
