import { equalConstantTime } from "@constellation/bytes";
import { parseResponse, serializeCommand, type Command } from "./command.ts";
import { loadCommand, policyPcrCommand } from "./commands/sealing.ts";
import { TPM_ALG, TPM_RH } from "./constants.ts";
import { TpmError } from "./error.ts";
import { selectPcrs, serializePcrSelections } from "./pcr-selection.ts";
import { parseWhole, readSized } from "./reading.ts";
import { SaltedSession } from "./salted-session.ts";
import { pcrPolicyDigest, type SealedObject, sealedName, sealedPublic, validateSealedPublic } from "./sealed-object.ts";
import { STORAGE_KEY_TEMPLATE } from "./templates.ts";
import { Tpm, type TpmTransport } from "./tpm.ts";
import type { EccPublic } from "./public-area.ts";
import { Writer } from "./writer.ts";

/** What sealing works with. */
export interface SealingOptions {
  readonly transport: TpmTransport;
  /** Cryptographically strong random bytes. */
  readonly random: (size: number) => Uint8Array;
  /** The SHA-256 PCRs that decide, with the values at which the secret comes back. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
}

const MAX_SECRET_BYTES = 128;
const MAX_AREA_BYTES = 1_024;
const TPM_CC_CREATE = 0x153;
const TPM_CC_UNSEAL = 0x15e;

/**
 * Seals a secret to this TPM and PCR values, which need not be those of now (TPM2_Create, Part 3, 12.1). The secret goes
 * to the TPM encrypted.
 * @throws TpmError
 */
export async function sealToPcrs(
  secret: Uint8Array,
  { transport, random, pcrs }: SealingOptions,
  signal?: AbortSignal,
): Promise<SealedObject> {
  if (secret.length < 1 || secret.length > MAX_SECRET_BYTES) {
    const got = `got a secret of ${secret.length} bytes, wanted 1 to ${MAX_SECRET_BYTES}`;
    throw new TpmError("malformed", `Seal failed: ${got}`);
  }
  return withStorageKey({ transport, signal }, async (key) => {
    const sensitive = new Writer().sized(new Uint8Array(0)).sized(secret).finish();
    const rest = new Writer()
      .sized(sealedPublic(pcrPolicyDigest(pcrs)))
      .sized(new Uint8Array(0))
      .bytes(serializePcrSelections([]))
      .finish();
    const command = { name: "TPM2_Create", code: TPM_CC_CREATE, handle: key.handle, entityName: key.name };
    const answer = await inSession({ transport, signal }, { type: "hmac", key, random }, (session) =>
      session.run(transport, { ...command, parameters: { encrypts: "command", first: sensitive, rest } }, signal),
    );
    sensitive.fill(0);
    return parseWhole("answer to TPM2_Create", answer, (cursor) => {
      const privateArea = readSized(cursor, "TPM2B_PRIVATE", MAX_AREA_BYTES);
      const publicArea = readSized(cursor, "TPM2B_PUBLIC", MAX_AREA_BYTES);
      cursor.rest(); // creation data, its hash and ticket
      validateSealedPublic(publicArea, pcrPolicyDigest(pcrs));
      return { publicArea, privateArea };
    });
  });
}

/**
 * Gets a secret back (TPM2_Unseal, Part 3, 12.7): from the TPM that sealed it, while the PCRs have the values. It comes
 * from the TPM encrypted. The caller wipes it.
 * @throws TpmError `sealed_form`, `sealed_policy` before the TPM is asked; `response` where the TPM refuses
 */
export async function unsealFromPcrs(
  sealed: SealedObject,
  { transport, random, pcrs }: SealingOptions,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  validateSealedPublic(sealed.publicArea, pcrPolicyDigest(pcrs));
  return withStorageKey({ transport, signal }, async (key) => {
    const loaded = await run(transport, loadCommand(key.handle, sealed), signal);
    try {
      const name = sealedName(sealed.publicArea);
      if (!equalConstantTime(loaded.name, name)) {
        throw new TpmError(
          "protocol",
          "TPM2_Load failed: the TPM's name for the object is not that of its public area",
        );
      }
      return await inSession({ transport, signal }, { type: "policy", key, random }, async (session) => {
        await run(transport, policyPcrCommand(session.handle, selectPcrs(pcrs.keys())), signal);
        const command = { name: "TPM2_Unseal", code: TPM_CC_UNSEAL, handle: loaded.handle, entityName: name };
        return session.run(transport, { ...command, parameters: { encrypts: "response" } }, signal);
      });
    } finally {
      await new Tpm(transport).flushContext(loaded.handle).catch(() => undefined);
    }
  });
}

interface Bus {
  readonly transport: TpmTransport;
  readonly signal: AbortSignal | undefined;
}

interface StorageKey {
  readonly handle: number;
  readonly name: Uint8Array;
  readonly public: EccPublic;
}

async function withStorageKey<T>({ transport, signal }: Bus, use: (key: StorageKey) => Promise<T>): Promise<T> {
  const tpm = new Tpm(transport);
  const { handle, name, public: area } = await tpm.createPrimary(TPM_RH.OWNER, STORAGE_KEY_TEMPLATE, {}, signal);
  try {
    if (area.type !== TPM_ALG.ECC) {
      throw new TpmError("protocol", `TPM2_CreatePrimary failed: got key type "${area.type}", wanted ECC`);
    }
    return await use({ handle, name, public: area });
  } finally {
    await tpm.flushContext(handle).catch(() => undefined);
  }
}

/** The TPM ends a session with the command that uses it; where that failed, it is ended here. */
async function inSession<T>(
  { transport, signal }: Bus,
  options: Parameters<typeof SaltedSession.start>[1],
  use: (session: SaltedSession) => Promise<T>,
): Promise<T> {
  const session = await SaltedSession.start(transport, options, signal);
  try {
    const result = await use(session);
    session.wipe();
    return result;
  } catch (error) {
    session.wipe();
    await new Tpm(transport).flushContext(session.handle).catch(() => undefined);
    throw error;
  }
}

async function run<T>(transport: TpmTransport, command: Command<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  return parseResponse(command, await transport.transmit(serializeCommand(command), signal));
}
