import { Swtpm } from "@constellation/testkit";
import { createFakeTpmCa, type FakeTpmCa } from "@constellation/testkit/fake-tpm";
import { AK_TEMPLATE, type EccPublic, serializePublic, TPM_RH, Tpm, type TpmtPublic } from "@constellation/tpm2";
import { publicKeyOf } from "@constellation/tpm2/node";
import { AZURE_AK_CERTIFICATE_NV, AZURE_AK_HANDLE, GCP_AK_NV } from "../tpm/attestation-key.ts";
import { FakeNv } from "./fake-nv.ts";

/** A cloud's virtual TPM: a real software TPM with NV memory like the cloud's. */
export class CloudTpm {
  readonly nv: FakeNv;
  readonly tpm: Tpm;
  readonly #swtpm: Swtpm;
  readonly ca: FakeTpmCa;

  private constructor(swtpm: Swtpm, ca: FakeTpmCa) {
    this.#swtpm = swtpm;
    this.ca = ca;
    this.nv = new FakeNv(swtpm.transport);
    this.tpm = new Tpm(swtpm.transport);
  }

  static async start(): Promise<CloudTpm> {
    const cloud = new CloudTpm(await Swtpm.start(), await createFakeTpmCa());
    await cloud.tpm.startup();
    return cloud;
  }

  stop(): Promise<void> {
    return this.#swtpm.stop();
  }

  /** A fresh view of the TPM: NV memory without faults or indices. */
  withoutNv(): FakeNv {
    return new FakeNv(this.#swtpm.transport);
  }

  /** Puts Google's template, and a certificate of the key that it gives, into NV memory. */
  async provisionGcp(nv: FakeNv, kind: "ECC" | "RSA" = "ECC", template: TpmtPublic = gcpTemplate()): Promise<FakeNv> {
    const { certificate, template: templateIndex } = GCP_AK_NV.find((index) => index.kind === kind) ?? GCP_AK_NV[0];
    const key = await this.tpm.createPrimary(TPM_RH.ENDORSEMENT, template);
    await this.tpm.flushContext(key.handle);
    nv.store(templateIndex, serializePublic(template));
    return nv.store(certificate, await this.ca.certifyKey(publicKeyOf(key.public), "00".repeat(32)));
  }

  /** Makes Azure's persistent key, and puts a certificate of it into NV memory that is larger than the certificate. */
  async provisionAzure(nv: FakeNv): Promise<FakeNv> {
    const certificate = await this.ca.certifyKey(await this.#persistentKey(), "00".repeat(32));
    return nv.store(AZURE_AK_CERTIFICATE_NV, Buffer.concat([certificate, Buffer.alloc(100)]));
  }

  async #persistentKey() {
    try {
      return publicKeyOf((await this.tpm.readPublic(AZURE_AK_HANDLE)).public);
    } catch {
      const key = await this.tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
      await this.#evictControl(key.handle);
      await this.tpm.flushContext(key.handle);
      return publicKeyOf(key.public);
    }
  }

  /** TPM2_EvictControl (Part 3, 28.5). */
  async #evictControl(handle: number): Promise<void> {
    const command = Buffer.alloc(10 + 8 + 4 + 9 + 4);
    command.writeUInt16BE(0x8002, 0);
    command.writeUInt32BE(command.length, 2);
    command.writeUInt32BE(0x120, 6);
    command.writeUInt32BE(TPM_RH.OWNER, 10);
    command.writeUInt32BE(handle, 14);
    command.writeUInt32BE(9, 18);
    command.writeUInt32BE(TPM_RH.PW, 22);
    command.writeUInt32BE(AZURE_AK_HANDLE, 31);
    const answer = Buffer.from(await this.#swtpm.transport.transmit(new Uint8Array(command)));
    if (answer.readUInt32BE(6) !== 0) throw new Error(`EvictControl failed: got ${answer.toString("hex")}`);
  }
}

/** Any attestation key's template but the one that nodes use. */
export function gcpTemplate(): EccPublic {
  return { ...AK_TEMPLATE, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } };
}
