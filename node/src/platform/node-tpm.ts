import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { clusterIdPcr, type Policy, serializeEvidence } from "@constellation/attestation";
import { equalConstantTime, fromHex, hex } from "@constellation/bytes";
import { AK_TEMPLATE, serializePublic, TPM_RH, Tpm, type TpmTransport, type TpmtPublic } from "@constellation/tpm2";
import { parseCertificate, spkiDer } from "@constellation/x509";
import { NodeError } from "../errors.ts";
import { joinServicePolicy } from "../join/appraiser.ts";
import type { AttesterOfNode } from "./attester.ts";
import { Mutex } from "./mutex.ts";

/** NV indices that the machine's creator filled: SPECIFICATION.md, "TPM". */
const NV_INDEX = { ekCertificate: 0x01c0000a, akCertificate: 0x01c10002, caCertificate: 0x01c00100 } as const;

/** All PCRs are quoted, so that no policy can ask for one that is missing. */
const QUOTED_PCRS = Array.from({ length: 16 }, (_, index) => index);
const CLUSTER_ID_PCR = 15;
const ZERO_DIGEST = new Uint8Array(32);
const REPORT_DATA_BYTES = 64;

export interface NodeTpmOptions {
  /** Firmware's event log, from securityfs. */
  eventLogPath: string;
}

/**
 * This node's TPM as the agent uses it: evidence (variant `qemu-vtpm`) and the cluster ID's PCR. The attestation key is
 * made again at each start from the endorsement seed; it is the same key each time.
 */
export class NodeTpm implements AttesterOfNode {
  readonly #tpm: Tpm;
  readonly #options: NodeTpmOptions;
  readonly #mutex = new Mutex();
  readonly #ak: { handle: number; publicArea: TpmtPublic };
  readonly #akCertificate: Uint8Array;
  /** SHA-256 of the endorsement key's SubjectPublicKeyInfo: this node's identity in all records. */
  readonly machineDigest: Uint8Array;
  /** Certificate (DER) of the TPM CA that vouches for this TPM; the node accepts peers whose TPMs it vouches for. */
  readonly caCertificate: Uint8Array;

  private constructor(
    tpm: Tpm,
    options: NodeTpmOptions,
    key: { handle: number; publicArea: TpmtPublic },
    certificates: { ek: Uint8Array; ak: Uint8Array; ca: Uint8Array },
  ) {
    this.#tpm = tpm;
    this.#options = options;
    this.#ak = key;
    this.#akCertificate = certificates.ak;
    this.caCertificate = certificates.ca;
    const endorsementKey = spkiDer(parseCertificate(certificates.ek));
    this.machineDigest = new Uint8Array(createHash("sha256").update(endorsementKey).digest());
  }

  /** @throws TpmError, X509Error, NodeError `tpm` */
  static async open(transport: TpmTransport, options: NodeTpmOptions, signal: AbortSignal): Promise<NodeTpm> {
    const tpm = new Tpm(transport);
    const certificates = {
      ek: await tpm.nvRead(NV_INDEX.ekCertificate, {}, signal),
      ak: await tpm.nvRead(NV_INDEX.akCertificate, {}, signal),
      ca: await tpm.nvRead(NV_INDEX.caCertificate, {}, signal),
    };
    const key = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE, {}, signal);
    return new NodeTpm(tpm, options, { handle: key.handle, publicArea: key.public }, certificates);
  }

  /** Evidence over 64 bytes of report data. One command sequence at a time: callers wait in line. */
  issue(reportData: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    return this.#mutex.run(() => this.#issue(reportData, signal));
  }

  /** The current values of PCR 0 to 15. */
  readPcrs(signal: AbortSignal): Promise<Map<number, Uint8Array>> {
    return this.#mutex.run(() => this.#tpm.pcrRead(QUOTED_PCRS, signal));
  }

  async joinPolicy(signal: AbortSignal): Promise<Policy> {
    return joinServicePolicy(this.caCertificate, await this.readPcrs(signal));
  }

  /** Whether this boot of the machine already belongs to a cluster. */
  async isMarked(signal: AbortSignal): Promise<boolean> {
    const value = (await this.readPcrs(signal)).get(CLUSTER_ID_PCR);
    return value === undefined || !equalConstantTime(value, ZERO_DIGEST);
  }

  /**
   * Extends the cluster ID into PCR 15. Doing it twice with the same ID is doing it once: a restarted agent may not
   * know how far the earlier one came.
   * @throws NodeError `cluster_mismatch` when the PCR holds something else
   */
  markWithClusterId(clusterId: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#mutex.run(async () => {
      const wanted = fromHex(clusterIdPcr(clusterId));
      const before = await this.#readMarker(signal);
      if (equalConstantTime(before, wanted)) return;
      if (equalConstantTime(before, ZERO_DIGEST)) {
        const digest = new Uint8Array(createHash("sha256").update(clusterId).digest());
        await this.#tpm.pcrExtend(CLUSTER_ID_PCR, digest, signal);
      }
      const after = await this.#readMarker(signal);
      if (equalConstantTime(after, wanted)) return;
      throw new NodeError(
        "cluster_mismatch",
        `Extend cluster ID failed: got PCR 15 "${hex(after)}", wanted "${hex(wanted)}"`,
      );
    });
  }

  async #readMarker(signal: AbortSignal): Promise<Uint8Array> {
    const value = (await this.#tpm.pcrRead([CLUSTER_ID_PCR], signal)).get(CLUSTER_ID_PCR);
    if (value === undefined) throw new NodeError("tpm", `Read PCR 15 failed: got no value, wanted 32 bytes`);
    return value;
  }

  async #issue(reportData: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    if (reportData.length !== REPORT_DATA_BYTES) {
      const got = `got report data of "${reportData.length}" bytes, wanted "${REPORT_DATA_BYTES}"`;
      throw new NodeError("request", `Issue evidence failed: ${got}`);
    }
    const qualifyingData = new Uint8Array(createHash("sha256").update(reportData).digest());
    const pcrs = await this.#tpm.pcrRead(QUOTED_PCRS, signal);
    const { quoted, signature } = await this.#tpm.quote(this.#ak.handle, qualifyingData, QUOTED_PCRS, signal);
    return serializeEvidence({
      variant: "qemu-vtpm",
      akCertificate: this.#akCertificate,
      akPublic: serializePublic(this.#ak.publicArea),
      quote: quoted,
      signature,
      pcrs,
      eventLog: new Uint8Array(await readFile(this.#options.eventLogPath)),
    });
  }
}
