import { createHash, randomBytes } from "node:crypto";
import { TpmError } from "@constellation/tpm2";
import type { SealedObject } from "@constellation/tpm2/node";
import type { Sealer } from "../recovery/sealer.ts";
import type { FakeTpm } from "./fakes.ts";

/** Seals as a TPM does: to itself, to an image, and to a boot without a mark. */
export class FakeSealer implements Sealer {
  image = "one image";
  /** Gives nothing back of what it sealed. */
  failure: Error | undefined;
  readonly #tpm: FakeTpm;
  readonly #kept = new Map<string, Uint8Array>();

  constructor(tpm: FakeTpm) {
    this.#tpm = tpm;
  }

  policy(): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(createHash("sha256").update(this.image).digest()));
  }

  async seal(secret: Uint8Array): Promise<SealedObject> {
    const privateArea = new Uint8Array(randomBytes(32));
    this.#kept.set(Buffer.from(privateArea).toString("hex"), Uint8Array.from(secret));
    return { publicArea: await this.policy(), privateArea };
  }

  async unseal({ publicArea, privateArea }: SealedObject): Promise<Uint8Array> {
    if (this.failure !== undefined) throw this.failure;
    const policy = await this.policy();
    if (!Buffer.from(policy).equals(publicArea))
      throw new TpmError("sealed_policy", "Unseal failed: got another image");
    const secret = this.#kept.get(Buffer.from(privateArea).toString("hex"));
    if (secret === undefined) throw new TpmError("response", "TPM2_Load failed: TPM_RC_INTEGRITY");
    if (await this.#tpm.isMarked()) throw new TpmError("response", "TPM2_Unseal failed: TPM_RC_POLICY_FAIL");
    return Uint8Array.from(secret);
  }
}
