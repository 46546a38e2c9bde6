import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { concat, equalConstantTime } from "@constellation/bytes";
import { TPM_ALG, TPM_RH, TPM_ST } from "./constants.ts";
import { coordinate, ephemeralExchange } from "./ephemeral-exchange.ts";
import { TpmError } from "./error.ts";
import { kdfa, kdfe } from "./kdf.ts";
import type { EccPublic } from "./public-area.ts";
import { parseWhole, readSized } from "./reading.ts";
import { responseError } from "./response-code.ts";
import type { TpmTransport } from "./tpm.ts";
import { Writer } from "./writer.ts";

/** A command whose first parameter, or the first of whose answer, goes encrypted. Its one authorisation is the session. */
export interface ProtectedCommand {
  readonly name: string;
  readonly code: number;
  readonly handle: number;
  /** The Name of the entity behind the handle. */
  readonly entityName: Uint8Array;
  /** Encrypted are the content of the first parameter, a TPM2B that others follow; or of the first in the answer. */
  readonly parameters:
    | { readonly encrypts: "command"; readonly first: Uint8Array; readonly rest: Uint8Array }
    | { readonly encrypts: "response" };
}

/** What a session is made with. */
export interface SessionOptions {
  readonly type: "hmac" | "policy";
  /** A storage key of the TPM, loaded. */
  readonly key: { readonly handle: number; readonly public: EccPublic };
  readonly random: (size: number) => Uint8Array;
}

const NONCE_BYTES = 32;
const MAX_NONCE_BYTES = 64;
const MAX_PARAMETER_BYTES = 4_096;
const SESSION_TYPES = { hmac: 0x00, policy: 0x01 } as const;
/** TPMA_SESSION (Part 2, 8.4): the session ends with the command. */
const ATTRIBUTES = { command: 0x20, response: 0x40 } as const;

/**
 * A session whose key only this process and the TPM know (Part 1, 19.6): the salt is exchanged with a key of the TPM. It
 * authenticates one command and its answer, and encrypts a parameter: for who reads the bus between processor and TPM.
 * Who can also answer in the TPM's place is not kept out, as the key is taken as the TPM tells it.
 */
export class SaltedSession {
  readonly handle: number;
  readonly #sessionKey: Uint8Array;
  readonly #nonceTpm: Uint8Array;
  readonly #random: (size: number) => Uint8Array;

  private constructor(
    handle: number,
    sessionKey: Uint8Array,
    nonceTpm: Uint8Array,
    random: (size: number) => Uint8Array,
  ) {
    this.handle = handle;
    this.#sessionKey = sessionKey;
    this.#nonceTpm = nonceTpm;
    this.#random = random;
  }

  /** TPM2_StartAuthSession (Part 3, 11.1) with a salt, AES-128-CFB and SHA-256. @throws TpmError */
  static async start(transport: TpmTransport, options: SessionOptions, signal?: AbortSignal): Promise<SaltedSession> {
    const { key, type, random } = options;
    const name = "TPM2_StartAuthSession";
    const exchange = ephemeralExchange(name, key.public, random);
    // Part 1, C.6.3 and 19.6.8: the salt, then the session key; no entity is bound.
    const salt = kdfe(exchange.z, "SECRET", exchange.x, coordinate(key.public, "x"), 256);
    const nonceCaller = random(NONCE_BYTES);
    const encryptedSalt = new Writer().sized(exchange.x).sized(exchange.y).finish();
    const parameters = new Writer()
      .u32(key.handle)
      .u32(TPM_RH.NULL)
      .sized(nonceCaller)
      .sized(encryptedSalt)
      .u8(SESSION_TYPES[type])
      .u16(TPM_ALG.AES)
      .u16(128)
      .u16(TPM_ALG.CFB)
      .u16(TPM_ALG.SHA256)
      .finish();
    const answer = await exchangeBytes(transport, name, 0x176, TPM_ST.NO_SESSIONS, parameters, signal);
    const { handle, nonceTpm } = parseWhole(`answer to ${name}`, answer, (cursor) => ({
      handle: cursor.u32be(),
      nonceTpm: readSized(cursor, "nonceTPM", MAX_NONCE_BYTES),
    }));
    const sessionKey = kdfa(salt, "ATH", nonceTpm, nonceCaller, 256);
    salt.fill(0);
    exchange.z.fill(0);
    return new SaltedSession(handle, sessionKey, nonceTpm, random);
  }

  /**
   * Runs one command, after which the TPM has ended the session, and gives the answer's parameters, decrypted. What was
   * answered without the session's key is refused.
   * @throws TpmError `response`, `malformed`, `session`
   */
  async run(transport: TpmTransport, command: ProtectedCommand, signal?: AbortSignal): Promise<Uint8Array> {
    const { name, code, handle, entityName } = command;
    const { encrypts } = command.parameters;
    const nonceCaller = this.#random(NONCE_BYTES);
    const attributes = ATTRIBUTES[encrypts];
    const parameters = this.#parameters(command.parameters, nonceCaller);
    const cpHash = sha256(new Writer().u32(code).bytes(entityName).bytes(parameters).finish());
    const hmac = this.#hmac(cpHash, nonceCaller, this.#nonceTpm, attributes);
    const authorization = new Writer().u32(this.handle).sized(nonceCaller).u8(attributes).sized(hmac).finish();
    const body = new Writer().u32(handle).u32(authorization.length).bytes(authorization).bytes(parameters).finish();
    const answer = await exchangeBytes(transport, name, code, TPM_ST.SESSIONS, body, signal);
    const parts = parseWhole(`answer to ${name}`, answer, (cursor) => ({
      parameters: cursor.take(cursor.u32be()),
      nonceTpm: readSized(cursor, "TPMS_AUTH_RESPONSE.nonce", MAX_NONCE_BYTES),
      attributes: cursor.u8(),
      hmac: readSized(cursor, "TPMS_AUTH_RESPONSE.hmac", MAX_NONCE_BYTES),
    }));
    // Part 1, 18.8: response code (success), command code, parameters as they went.
    const rpHash = sha256(new Writer().u32(0).u32(code).bytes(parts.parameters).finish());
    const wanted = this.#hmac(rpHash, parts.nonceTpm, nonceCaller, parts.attributes);
    if (!equalConstantTime(parts.hmac, wanted)) {
      throw new TpmError("session", `${name} failed: got an answer that the session's key did not authenticate`);
    }
    return encrypts === "response"
      ? this.#decrypt(name, parts.parameters, parts.nonceTpm, nonceCaller)
      : parts.parameters;
  }

  /** The key can't be used again: the TPM ended the session. */
  wipe(): void {
    this.#sessionKey.fill(0);
  }

  #parameters(parameters: ProtectedCommand["parameters"], nonceCaller: Uint8Array): Uint8Array {
    if (parameters.encrypts === "response") return new Uint8Array(0);
    const { first, rest } = parameters;
    const [key, iv] = this.#cipherKey(nonceCaller, this.#nonceTpm);
    const cipher = createCipheriv("aes-128-cfb", key, iv);
    key.fill(0);
    return new Writer()
      .sized(concat(cipher.update(first), cipher.final()))
      .bytes(rest)
      .finish();
  }

  #decrypt(name: string, parameters: Uint8Array, nonceTpm: Uint8Array, nonceCaller: Uint8Array): Uint8Array {
    const [key, iv] = this.#cipherKey(nonceTpm, nonceCaller);
    const decipher = createDecipheriv("aes-128-cfb", key, iv);
    key.fill(0);
    return parseWhole(`answer to ${name}`, parameters, (cursor) => {
      // CFB gives as many bytes as it gets, and none at the end. The caller wipes these: they are the only copy.
      const { buffer, byteOffset, length } = decipher.update(readSized(cursor, "first parameter", MAX_PARAMETER_BYTES));
      decipher.final();
      return new Uint8Array(buffer, byteOffset, length);
    });
  }

  /** Part 1, 21.3: key and initialisation vector from the nonces, newer one first. Entities here have no password. */
  #cipherKey(newer: Uint8Array, older: Uint8Array): [Uint8Array, Uint8Array] {
    const material = kdfa(this.#sessionKey, "CFB", newer, older, 256);
    return [material.subarray(0, 16), material.subarray(16)];
  }

  /** Part 1, 19.6.10. */
  #hmac(parametersHash: Uint8Array, newer: Uint8Array, older: Uint8Array, attributes: number): Uint8Array {
    const hmac = createHmac("sha256", this.#sessionKey).update(parametersHash).update(newer).update(older);
    return new Uint8Array(hmac.update(Uint8Array.of(attributes)).digest());
  }
}

/** Sends a command and gives what follows the header of its answer. @throws TpmError `response`, `malformed` */
async function exchangeBytes(
  transport: TpmTransport,
  name: string,
  code: number,
  tag: number,
  body: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const command = new Writer()
    .u16(tag)
    .u32(10 + body.length)
    .u32(code)
    .bytes(body)
    .finish();
  const response = await transport.transmit(command, signal);
  return parseWhole(`answer to ${name}`, response, (cursor) => {
    const answeredTag = cursor.u16be();
    const size = cursor.u32be();
    const responseCode = cursor.u32be();
    if (responseCode !== 0) {
      cursor.rest();
      throw responseError(name, responseCode);
    }
    if (answeredTag !== tag || size !== response.length) {
      throw new TpmError("malformed", `${name} failed: got an answer of ${response.length} bytes that states ${size}`);
    }
    return cursor.rest();
  });
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
