import { BytesError, Cursor } from "@constellation/bytes";
import {
  describeResponseCode,
  type Tpm,
  TPM_RH,
  TPM_ST,
  TPMA_NV,
  TpmError,
  type TpmTransport,
} from "@constellation/tpm2";
import { EvidenceSourceError } from "../error.ts";
import { attestationRequest, documentOf } from "./nsm-message.ts";
import type { OpenTpm } from "./shared-tpm.ts";
import { isAbsent } from "./tpm-step.ts";

/** NitroTPM's vendor command: an NV index holds the request, and then the response. */
const TPM2_VENDOR_AWS_NSM_REQUEST = 0x20000001;

/**
 * The index of this package among the owner's (TCG, Registry of Reserved TPM 2.0 Handles and Localities), and
 * how it is defined: read and written with its own empty authorisation. Such an index is of one process at a time.
 */
export const MESSAGE_NV = 0x0180c057;
const MESSAGE_ATTRIBUTES = TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE;
/** A document has about 5 KiB. */
const MESSAGE_BYTES = 8192;

/**
 * Has the NitroTPM issue an attestation document with the nonce. The index that this takes is removed again in every
 * case; one that is there was left behind by a process that ended early.
 * @throws EvidenceSourceError, TpmError
 */
export async function getNitroDocument({ tpm, transport }: OpenTpm, nonce: Uint8Array, signal: AbortSignal) {
  await removeLeftover(tpm, signal);
  const definition = { nvIndex: MESSAGE_NV, sizeBytes: MESSAGE_BYTES, attributes: MESSAGE_ATTRIBUTES };
  await tpm.nvDefineSpace(definition, { handle: TPM_RH.OWNER }, signal);
  try {
    const authority = { handle: MESSAGE_NV };
    await tpm.nvWrite(MESSAGE_NV, attestationRequest(nonce), authority, signal);
    await nsmRequest(transport, signal);
    return documentOf(await tpm.nvRead(MESSAGE_NV, authority, signal));
  } finally {
    // Left behind in spite of this, it is removed by the next request.
    await tpm.nvUndefine(MESSAGE_NV, { handle: TPM_RH.OWNER }).catch(() => undefined);
  }
}

/** Only an index that is as this package defines it is removed: another is another's. */
async function removeLeftover(tpm: Tpm, signal: AbortSignal): Promise<void> {
  const area = await definedMessage(tpm, signal);
  if (area === undefined) return;
  const { attributes, dataSizeBytes } = area;
  if ((attributes & ~TPMA_NV.WRITTEN) !== MESSAGE_ATTRIBUTES || dataSizeBytes !== MESSAGE_BYTES) {
    const got = `attributes 0x${attributes.toString(16)} and ${dataSizeBytes} bytes`;
    throw new EvidenceSourceError(
      "device_busy",
      `Define NV index 0x${MESSAGE_NV.toString(16)} failed: got another's there, with ${got}, wanted none`,
    );
  }
  await tpm.nvUndefine(MESSAGE_NV, { handle: TPM_RH.OWNER }, signal);
}

async function definedMessage(tpm: Tpm, signal: AbortSignal) {
  try {
    return await tpm.nvReadPublic(MESSAGE_NV, signal);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Tag, size and code; authorising and used index; an authorisation area with an empty password (Part 1, 18). */
function serializeNsmRequest(): Uint8Array {
  const AUTHORIZATION_BYTES = 9;
  const command = new Uint8Array(10 + 8 + 4 + AUTHORIZATION_BYTES);
  const view = new DataView(command.buffer);
  view.setUint16(0, TPM_ST.SESSIONS);
  view.setUint32(2, command.length);
  view.setUint32(6, TPM2_VENDOR_AWS_NSM_REQUEST);
  view.setUint32(10, MESSAGE_NV);
  view.setUint32(14, MESSAGE_NV);
  view.setUint32(18, AUTHORIZATION_BYTES);
  view.setUint32(22, TPM_RH.PW);
  return command;
}

async function nsmRequest(transport: TpmTransport, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const code = responseCodeOf(await transport.transmit(serializeNsmRequest(), signal));
  if (code === 0) return;
  const { name, words } = describeResponseCode(code);
  throw new TpmError("response", `TPM2_VENDOR_AWS_NSM_REQUEST failed: got ${name} (0x${code.toString(16)}): ${words}`, {
    responseCode: code,
    responseName: name,
  });
}

/** What else is in the answer is an acknowledgement of the password; the response itself is in the index. */
function responseCodeOf(answer: Uint8Array): number {
  try {
    const cursor = new Cursor(answer);
    cursor.u16be();
    cursor.u32be();
    return cursor.u32be();
  } catch (cause) {
    const message = `TPM2_VENDOR_AWS_NSM_REQUEST failed: ${(cause as BytesError).message}`;
    throw new TpmError("malformed", message, { cause });
  }
}
