import { createHash, randomBytes } from "node:crypto";
import type { Attester } from "@constellation/atls";
import { parseEvidence, serializeEvidence } from "@constellation/attestation";
import { HarnessError } from "./error.ts";
import { isMeasured, parseEventLog } from "@constellation/eventlog";
import { withNodeTpm } from "@constellation/infrastructure-local";
import { createTcpClient, VerifyService } from "@constellation/rpc";
import { AK_TEMPLATE, serializePublic, type Tpm, TPM_RH, TPM_SU, type TpmtPublic } from "@constellation/tpm2";

const AK_CERTIFICATE_INDEX = 0x01c10002;
const QUOTED_PCRS = Array.from({ length: 16 }, (_, index) => index);
const CALL_TIMEOUT_MS = 60_000;

/**
 * A node's TPM in the hands of whoever owns the computer: its PCRs are brought to what an event log says, without a
 * boot, so that its quotes look like those of a machine that did boot so.
 */
export class HostAttester implements Attester {
  readonly #tpm: Tpm;
  readonly #ak: { readonly handle: number; readonly publicArea: TpmtPublic };
  readonly #akCertificate: Uint8Array;
  readonly #eventLog: Uint8Array;
  /** The evidence that was issued last. */
  last: Uint8Array | undefined;

  private constructor(
    tpm: Tpm,
    ak: { readonly handle: number; readonly publicArea: TpmtPublic },
    akCertificate: Uint8Array,
    eventLog: Uint8Array,
  ) {
    this.#tpm = tpm;
    this.#ak = ak;
    this.#akCertificate = akCertificate;
    this.#eventLog = eventLog;
  }

  /** Powers the TPM of a stopped node on, replays the log into it, and runs `work`. */
  static async with<T>(
    { workspace, node, eventLog }: { workspace: string; node: string; eventLog: Uint8Array },
    work: (attester: HostAttester) => Promise<T>,
  ): Promise<T> {
    return await withNodeTpm(workspace, node, async (tpm) => {
      const attester = await HostAttester.open(tpm, eventLog);
      try {
        return await work(attester);
      } finally {
        await attester.close();
      }
    });
  }

  /** Starts a TPM up that was just powered on, and replays the log into it. */
  static async open(tpm: Tpm, eventLog: Uint8Array): Promise<HostAttester> {
    await tpm.startup(TPM_SU.CLEAR);
    await replayInto(tpm, eventLog);
    const akCertificate = await tpm.nvRead(AK_CERTIFICATE_INDEX);
    const { handle, public: publicArea } = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
    return new HostAttester(tpm, { handle, publicArea }, akCertificate, eventLog);
  }

  /** Leaves the TPM as a machine that is switched off does. */
  async close(): Promise<void> {
    await this.#tpm.flushContext(this.#ak.handle);
    await this.#tpm.shutdown(TPM_SU.CLEAR);
  }

  async issue(reportData: Uint8Array): Promise<Uint8Array> {
    const qualifyingData = new Uint8Array(createHash("sha256").update(reportData).digest());
    const pcrs = await this.#tpm.pcrRead(QUOTED_PCRS);
    const { quoted, signature } = await this.#tpm.quote(this.#ak.handle, qualifyingData, QUOTED_PCRS);
    this.last = serializeEvidence({
      variant: "qemu-vtpm",
      akCertificate: this.#akCertificate,
      akPublic: serializePublic(this.#ak.publicArea),
      quote: quoted,
      signature,
      pcrs,
      eventLog: this.#eventLog,
    });
    return this.last;
  }
}

async function replayInto(tpm: Tpm, eventLog: Uint8Array): Promise<void> {
  for (const event of parseEventLog(eventLog).events.filter(isMeasured)) {
    const digest = event.digests.get("sha256");
    if (digest !== undefined) await tpm.pcrExtend(event.pcrIndex, digest);
  }
}

/** The event log of a node that runs, from its evidence. */
export async function eventLogOf(host: string, port: number): Promise<Uint8Array> {
  const { client, close } = createTcpClient(VerifyService, { host, port, timeoutMs: CALL_TIMEOUT_MS });
  try {
    const { evidence } = await client.getEvidence({ nonce: new Uint8Array(randomBytes(32)) });
    const parsed = parseEvidence(evidence);
    if (parsed.variant === "qemu-vtpm") return parsed.eventLog;
    throw new HarnessError("cluster", `Get event log of ${host} failed: got evidence "${parsed.variant}"`);
  } finally {
    await close();
  }
}
