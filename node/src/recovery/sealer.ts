import { randomBytes } from "node:crypto";
import { clusterRegisterOf, type Policy } from "@constellation/attestation";
import { Tpm, type TpmTransport } from "@constellation/tpm2";
import { pcrPolicyDigest, type SealedObject, sealToPcrs, unsealFromPcrs } from "@constellation/tpm2/node";
import { Mutex } from "../platform/mutex.ts";

/** Seals to this machine and the image that it runs, early in its boot. */
export interface Sealer {
  /** What is sealed now, opens under this policy; another value after a change of the image. */
  policy(signal: AbortSignal): Promise<Uint8Array>;
  seal(secret: Uint8Array, signal: AbortSignal): Promise<SealedObject>;
  unseal(sealed: SealedObject, signal: AbortSignal): Promise<Uint8Array>;
}

/** What the boot measured of the image: the registers by which nodes know each other, too (join/appraiser.ts). */
const IMAGE_PCRS = [4, 8, 9, 11, 12, 13, 14];
const CLUSTER_ID_PCR = 15;

/**
 * Whether machines of a variant can seal: a TPM whose PCR 15 of the SHA-256 bank is marked with the cluster. Where the
 * mark is elsewhere, everything that runs later in the boot would get the secret, too.
 */
export function canSeal(variant: Policy["variant"]): boolean {
  const register = clusterRegisterOf(variant);
  return register?.kind === "pcr" && register.hash === "sha256";
}

/**
 * Seals to the SHA-256 PCRs of the image as they are, and to PCR 15 as zeros: once the agent has extended the cluster ID
 * there, nothing on this machine gets the secret again before the next boot.
 */
export class TpmSealer implements Sealer {
  readonly #transport: TpmTransport;
  readonly #mutex = new Mutex();

  constructor(transport: TpmTransport) {
    this.#transport = transport;
  }

  policy(signal: AbortSignal): Promise<Uint8Array> {
    return this.#mutex.run(async () => pcrPolicyDigest(await this.#pcrs(signal)));
  }

  seal(secret: Uint8Array, signal: AbortSignal): Promise<SealedObject> {
    return this.#mutex.run(async () => sealToPcrs(secret, await this.#options(signal), signal));
  }

  unseal(sealed: SealedObject, signal: AbortSignal): Promise<Uint8Array> {
    return this.#mutex.run(async () => unsealFromPcrs(sealed, await this.#options(signal), signal));
  }

  async #options(signal: AbortSignal) {
    const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
    return { transport: this.#transport, random, pcrs: await this.#pcrs(signal) };
  }

  async #pcrs(signal: AbortSignal): Promise<ReadonlyMap<number, Uint8Array>> {
    const values = await new Tpm(this.#transport).pcrRead(IMAGE_PCRS, signal);
    return values.set(CLUSTER_ID_PCR, new Uint8Array(32));
  }
}
