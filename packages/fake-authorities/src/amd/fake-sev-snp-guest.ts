import { randomBytes } from "node:crypto";
import type { SevSnpParts } from "@constellation/evidence";
import { type EndorsementKey, type FakeAmd, type ReportFields } from "@constellation/sev-snp/testing";
import { reportFields, signReport, writeReport } from "@constellation/sev-snp/testing";
import { certificateTable } from "./certificate-table.ts";

/** What a fake guest's reports say, and by which key; all has defaults. */
export interface FakeSevSnpRequest {
  readonly signer?: "VCEK" | "VLEK";
  /** Fields of every report; by default measurement, chip and host data are random. */
  readonly report?: Partial<ReportFields>;
  /** Serial numbers on AMD's CRL. */
  readonly revoked?: readonly number[];
}

const VLEK_KEY_INFO = 0b00100;
const HWID_BYTES = { Milan: 64, Genoa: 64, Turin: 8 } as const;

/** A guest on a chip that a fake AMD endorses: reports of any claims, and what they are verified with. */
export class FakeSevSnpGuest {
  /** What its reports say. */
  readonly fields: ReportFields;
  readonly signer: "VCEK" | "VLEK";
  /** Certificates and CRL that go along with a report. */
  readonly endorsements: Omit<SevSnpParts, "report">;
  readonly #amd: FakeAmd;
  readonly #key: EndorsementKey;

  constructor(amd: FakeAmd, { signer = "VCEK", report = {}, revoked = [] }: FakeSevSnpRequest = {}) {
    const chipId = new Uint8Array(64);
    chipId.set(randomBytes(HWID_BYTES[amd.product]));
    const keyInfo = signer === "VLEK" ? VLEK_KEY_INFO : 0;
    this.fields = {
      ...reportFields(amd.product),
      keyInfo,
      chipId,
      measurement: random(48),
      hostData: random(32),
      ...report,
    };
    this.signer = signer;
    this.#amd = amd;
    this.#key = this.#endorse();
    this.endorsements = {
      endorsementCert: this.#key.certificate,
      caChain: [this.#issuer()],
      crls: [amd.issueCrl(revoked)],
    };
  }

  /** A signed ATTESTATION_REPORT. */
  report(changes: Partial<ReportFields> = {}): Uint8Array {
    return signReport(writeReport({ ...this.fields, ...changes }), this.#key.privateKey);
  }

  /** What the host keeps beside its guests' reports. */
  certificateTable(): Uint8Array {
    return certificateTable([
      [this.signer, this.#key.certificate],
      ["ASK", this.#issuer()],
      ["ARK", this.#amd.ark],
    ]);
  }

  #endorse(): EndorsementKey {
    const { reportedTcb: tcb, chipId } = this.fields;
    if (this.signer === "VLEK") return this.#amd.issueVlek({ tcb });
    return this.#amd.issueVcek({ tcb, hwId: chipId.subarray(0, HWID_BYTES[this.#amd.product]) });
  }

  #issuer(): Uint8Array {
    return this.signer === "VLEK" ? this.#amd.asvk : this.#amd.ask;
  }
}

function random(sizeBytes: number): Uint8Array {
  return new Uint8Array(randomBytes(sizeBytes));
}
