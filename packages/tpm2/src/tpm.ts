import type { Command } from "./command.ts";
import { parseResponse, serializeCommand } from "./command.ts";
import type { Capabilities } from "./commands/administration.ts";
import {
  clearCommand,
  flushContextCommand,
  getCapabilityCommand,
  shutdownCommand,
  startupCommand,
} from "./commands/administration.ts";
import type { Quote } from "./commands/attestation.ts";
import {
  activateCredentialCommand,
  policySecretCommand,
  quoteCommand,
  startPolicySessionCommand,
} from "./commands/attestation.ts";
import type { NvPublic } from "./commands/nv.ts";
import {
  NV_PLATFORM_READABLE,
  nvDefineSpaceCommand,
  nvReadCommand,
  nvReadPublicCommand,
  nvUndefineSpaceCommand,
  nvWriteCommand,
} from "./commands/nv.ts";
import type { LoadedObject, PrimaryObject } from "./commands/objects.ts";
import { createPrimaryCommand, readPublicCommand } from "./commands/objects.ts";
import type { PcrAllocation } from "./commands/pcr.ts";
import { pcrAllocateCommand, pcrExtendCommand, pcrReadCommand } from "./commands/pcr.ts";
import { TPM_RH, TPM_SU } from "./constants.ts";
import { TpmError } from "./error.ts";
import type { Credential } from "./credential.ts";
import type { PcrSelection } from "./pcr-selection.ts";
import { selectPcrs } from "./pcr-selection.ts";
import type { TpmtPublic } from "./public-area.ts";

/** The way to a TPM: one whole command in, one whole answer out, commands one after the other. */
export interface TpmTransport {
  transmit(command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}

/** Which entity authorises a command, with its password; the password is empty where none is given. */
export interface AuthorityOptions {
  /** A hierarchy's handle, or the NV index itself. */
  readonly handle?: number;
  readonly auth?: Uint8Array;
}

/** An NV index to define. */
export interface NvDefinition {
  readonly nvIndex: number;
  readonly sizeBytes: number;
  /** TPMA_NV; default {@link NV_PLATFORM_READABLE}. */
  readonly attributes?: number;
}

const EMPTY = new Uint8Array(0);
/** Below the smallest TPM_PT_NV_BUFFER_MAX in use. */
const NV_CHUNK_BYTES = 512;
const MAX_PCR_READ_ROUNDS = 32;

/**
 * A client of the TPM 2.0 commands that Constellation uses. Passwords go in clear over the transport: it is meant for
 * a TPM of the same machine, whose hierarchies have empty passwords.
 * Every method throws {@link TpmError}: `response` where the TPM refuses, `malformed` or `protocol` where its answer
 * does not fit. What the transport throws passes through.
 */
export class Tpm {
  readonly #transport: TpmTransport;

  constructor(transport: TpmTransport) {
    this.#transport = transport;
  }

  /** TPM2_Startup; firmware does this on a booted machine. */
  startup(startupType: number = TPM_SU.CLEAR, signal?: AbortSignal): Promise<void> {
    return this.#run(startupCommand(startupType), signal);
  }

  /** TPM2_Shutdown, before the TPM loses power. */
  shutdown(shutdownType: number = TPM_SU.CLEAR, signal?: AbortSignal): Promise<void> {
    return this.#run(shutdownCommand(shutdownType), signal);
  }

  /** TPM2_Clear, authorised by the lockout or platform hierarchy. */
  clear({ handle = TPM_RH.LOCKOUT, auth = EMPTY }: AuthorityOptions = {}, signal?: AbortSignal): Promise<void> {
    return this.#run(clearCommand(handle, auth), signal);
  }

  /** TPM2_GetCapability: one page of handles, PCR banks or properties. */
  getCapability(capability: number, property: number, count: number, signal?: AbortSignal): Promise<Capabilities> {
    return this.#run(getCapabilityCommand(capability, property, count), signal);
  }

  /** TPM2_CreatePrimary with an empty authorisation value for the key. The caller flushes the handle. */
  createPrimary(
    hierarchy: number,
    template: TpmtPublic,
    { auth = EMPTY }: Pick<AuthorityOptions, "auth"> = {},
    signal?: AbortSignal,
  ): Promise<PrimaryObject> {
    return this.#run(createPrimaryCommand(hierarchy, template, auth), signal);
  }

  /** TPM2_ReadPublic. */
  readPublic(handle: number, signal?: AbortSignal): Promise<LoadedObject> {
    return this.#run(readPublicCommand(handle), signal);
  }

  /** TPM2_FlushContext of a transient object or session. */
  flushContext(handle: number, signal?: AbortSignal): Promise<void> {
    return this.#run(flushContextCommand(handle), signal);
  }

  /** TPM2_Quote over SHA-256 PCRs, in the key's own scheme. */
  quote(handle: number, qualifyingData: Uint8Array, pcrs: Iterable<number>, signal?: AbortSignal): Promise<Quote> {
    return this.#run(quoteCommand(handle, qualifyingData, [selectPcrs(pcrs)]), signal);
  }

  /**
   * TPM2_ActivateCredential: recovers the secret of a credential made for the endorsement key `ekHandle` (with
   * {@link EK_TEMPLATE}'s policy) and the key `akHandle`.
   */
  async activateCredential(
    { akHandle, ekHandle, endorsementAuth = EMPTY }: ActivateCredentialOptions,
    credential: Credential,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const session = await this.#run(startPolicySessionCommand(), signal);
    try {
      await this.#run(policySecretCommand(TPM_RH.ENDORSEMENT, session, endorsementAuth), signal);
      return await this.#run(activateCredentialCommand(akHandle, ekHandle, session, credential), signal);
    } catch (error) {
      await this.#flushQuietly(session);
      throw error;
    }
  }

  /** TPM2_PCR_Read of SHA-256 PCRs, repeated until all values are of one moment. */
  async pcrRead(pcrs: Iterable<number>, signal?: AbortSignal): Promise<Map<number, Uint8Array>> {
    const wanted = [...new Set(pcrs)].sort((a, b) => a - b);
    let values = new Map<number, Uint8Array>();
    let updateCounter: number | undefined;
    for (let round = 0; round < MAX_PCR_READ_ROUNDS; round++) {
      const missing = wanted.filter((index) => !values.has(index));
      if (missing.length === 0) return values;
      const answer = await this.#run(pcrReadCommand(selectPcrs(missing)), signal);
      if (answer.values.size === 0) throw missingPcrs(missing);
      values = new Map([...(answer.updateCounter === updateCounter ? values : []), ...answer.values]);
      updateCounter = answer.updateCounter;
    }
    throw new TpmError("protocol", `TPM2_PCR_Read failed: got changing PCRs in ${MAX_PCR_READ_ROUNDS} rounds`);
  }

  /** TPM2_PCR_Extend of the SHA-256 bank, or of the SHA-384 bank with a digest of 48 bytes. */
  pcrExtend(pcr: number, digest: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#run(pcrExtendCommand(pcr, digest), signal);
  }

  /** TPM2_PCR_Allocate with platform authorisation; it takes effect at the next TPM reset. */
  pcrAllocate(
    banks: readonly PcrSelection[],
    { auth = EMPTY }: Pick<AuthorityOptions, "auth"> = {},
    signal?: AbortSignal,
  ): Promise<PcrAllocation> {
    return this.#run(pcrAllocateCommand(banks, auth), signal);
  }

  /** TPM2_NV_DefineSpace, by the platform unless told otherwise. */
  nvDefineSpace(
    { nvIndex, sizeBytes, attributes = NV_PLATFORM_READABLE }: NvDefinition,
    { handle = TPM_RH.PLATFORM, auth = EMPTY }: AuthorityOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#run(nvDefineSpaceCommand({ handle, auth }, { nvIndex, attributes, dataSizeBytes: sizeBytes }), signal);
  }

  /** TPM2_NV_UndefineSpace, by the platform unless told otherwise. */
  nvUndefine(
    nvIndex: number,
    { handle = TPM_RH.PLATFORM, auth = EMPTY }: AuthorityOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#run(nvUndefineSpaceCommand({ handle, auth }, nvIndex), signal);
  }

  /** TPM2_NV_ReadPublic. */
  nvReadPublic(nvIndex: number, signal?: AbortSignal): Promise<NvPublic> {
    return this.#run(nvReadPublicCommand(nvIndex), signal);
  }

  /** TPM2_NV_Write of a whole index from its start, by the platform unless told otherwise. */
  async nvWrite(
    nvIndex: number,
    data: Uint8Array,
    { handle = TPM_RH.PLATFORM, auth = EMPTY }: AuthorityOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    for (let offset = 0; offset < data.length; offset += NV_CHUNK_BYTES) {
      const chunk = data.subarray(offset, offset + NV_CHUNK_BYTES);
      await this.#run(nvWriteCommand({ handle, auth }, nvIndex, chunk, offset), signal);
    }
  }

  /** TPM2_NV_Read of a whole index, authorised by the index itself unless told otherwise. */
  async nvRead(
    nvIndex: number,
    { handle = nvIndex, auth = EMPTY }: AuthorityOptions = {},
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const { dataSizeBytes } = await this.nvReadPublic(nvIndex, signal);
    const data = new Uint8Array(dataSizeBytes);
    for (let offset = 0; offset < dataSizeBytes; offset += NV_CHUNK_BYTES) {
      const size = Math.min(NV_CHUNK_BYTES, dataSizeBytes - offset);
      const chunk = await this.#run(nvReadCommand({ handle, auth }, nvIndex, size, offset), signal);
      if (chunk.length !== size) {
        throw new TpmError("protocol", `TPM2_NV_Read failed: got ${chunk.length} bytes, wanted ${size}`);
      }
      data.set(chunk, offset);
    }
    return data;
  }

  async #run<T>(command: Command<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    return parseResponse(command, await this.#transport.transmit(serializeCommand(command), signal));
  }

  /** The session may be gone already; the first error is the one to report. */
  async #flushQuietly(session: number): Promise<void> {
    await this.flushContext(session).catch(() => undefined);
  }
}

/** Handles and authorisation for {@link Tpm.activateCredential}. */
export interface ActivateCredentialOptions {
  readonly akHandle: number;
  readonly ekHandle: number;
  /** The endorsement hierarchy's password; empty where none is given. */
  readonly endorsementAuth?: Uint8Array;
}

function missingPcrs(missing: readonly number[]): TpmError {
  return new TpmError("protocol", `TPM2_PCR_Read failed: the SHA-256 bank has no PCR ${missing.join(", ")}`);
}
