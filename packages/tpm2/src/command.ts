import { Cursor } from "@constellation/bytes";
import { TPM_RH, TPM_ST } from "./constants.ts";
import { TpmError } from "./error.ts";
import { parseWhole, readSized } from "./reading.ts";
import { responseError } from "./response-code.ts";
import { Writer } from "./writer.ts";

/** TPMS_AUTH_COMMAND (Part 2, 10.13.2). */
export interface Authorization {
  readonly sessionHandle: number;
  readonly sessionAttributes: number;
  readonly hmac: Uint8Array;
}

/** A command as data: how it is marshalled, and how its answer is read. */
export interface Command<T> {
  /** The command's name in the specification, for messages. */
  readonly name: string;
  /** TPM_CC (Part 2, 6.5.2). */
  readonly code: number;
  readonly handles: readonly number[];
  readonly authorizations: readonly Authorization[];
  readonly parameters: Uint8Array;
  /** Whether the answer starts with a handle. */
  readonly returnsHandle: boolean;
  /** Reads the answer's parameters, all of them; `handle` is 0 where the answer has none. */
  readonly read: (parameters: Cursor, handle: number) => T;
}

const EMPTY = new Uint8Array(0);
const HEADER_BYTES = 10;
const MAX_RESPONSE_BYTES = 64 * 1024;
const CONTINUE_SESSION = 0x01;
const MAX_AUTH_BYTES = 64;

/** A password authorisation; the password is empty where none is given. */
export function passwordAuthorization(password: Uint8Array = EMPTY): Authorization {
  return { sessionHandle: TPM_RH.PW, sessionAttributes: CONTINUE_SESSION, hmac: password };
}

/** A policy session without key or password: used once, the TPM flushes it after success. */
export function policyAuthorization(session: number): Authorization {
  return { sessionHandle: session, sessionAttributes: 0, hmac: EMPTY };
}

/** The command's bytes (Part 1, 18.2). */
export function serializeCommand<T>(command: Command<T>): Uint8Array {
  const body = new Writer();
  for (const handle of command.handles) body.u32(handle);
  if (command.authorizations.length > 0) {
    const area = serializeAuthorizations(command.authorizations);
    body.u32(area.length).bytes(area);
  }
  const payload = body.bytes(command.parameters).finish();
  return new Writer()
    .u16(tagOf(command))
    .u32(HEADER_BYTES + payload.length)
    .u32(command.code)
    .bytes(payload)
    .finish();
}

/**
 * Reads the answer to a command (Part 1, 18.3).
 * @throws TpmError `response` with the TPM's code, `malformed` or `protocol` on an answer of another form
 */
export function parseResponse<T>(command: Command<T>, response: Uint8Array): T {
  return parseWhole(`answer to ${command.name}`, response, (cursor) => {
    const tag = cursor.u16be();
    requireSize(command.name, cursor.u32be(), response.length);
    const code = cursor.u32be();
    if (code !== 0) throw responseError(command.name, code);
    requireTag(command, tag);
    const handle = command.returnsHandle ? cursor.u32be() : 0;
    return readBody(command, cursor, handle);
  });
}

function readBody<T>(command: Command<T>, cursor: Cursor, handle: number): T {
  if (command.authorizations.length === 0) return command.read(cursor, handle);
  const parameters = new Cursor(cursor.take(cursor.u32be()));
  const value = command.read(parameters, handle);
  parameters.end();
  for (const _ of command.authorizations) skipAuthorizationAnswer(cursor);
  return value;
}

/** TPMS_AUTH_RESPONSE: neither passwords nor keyless policy sessions authenticate the answer. */
function skipAuthorizationAnswer(cursor: Cursor): void {
  readSized(cursor, "TPMS_AUTH_RESPONSE.nonce", MAX_AUTH_BYTES);
  cursor.u8();
  readSized(cursor, "TPMS_AUTH_RESPONSE.hmac", MAX_AUTH_BYTES);
}

function serializeAuthorizations(authorizations: readonly Authorization[]): Uint8Array {
  const writer = new Writer();
  for (const { sessionHandle, sessionAttributes, hmac } of authorizations) {
    writer.u32(sessionHandle).sized(EMPTY).u8(sessionAttributes).sized(hmac);
  }
  return writer.finish();
}

function tagOf(command: Command<unknown>): number {
  return command.authorizations.length > 0 ? TPM_ST.SESSIONS : TPM_ST.NO_SESSIONS;
}

function requireSize(name: string, stated: number, actual: number): void {
  if (stated === actual && actual <= MAX_RESPONSE_BYTES) return;
  throw new TpmError("malformed", `${name} failed: got an answer of ${actual} bytes that states ${stated}`);
}

function requireTag(command: Command<unknown>, tag: number): void {
  if (tag === tagOf(command)) return;
  throw new TpmError(
    "protocol",
    `${command.name} failed: got answer tag "0x${tag.toString(16)}", wanted the command's`,
  );
}
