import { createHash } from "node:crypto";
import { utf8 } from "@constellation/bytes";
import type { ReportType } from "@constellation/hcl";
import { FakeTpmCa } from "../tpm/fake-tpm-ca.ts";
import { type FakeTpm, rsaNumbers } from "../tpm/fake-tpm.ts";
import { writeHclReport } from "./hcl-report.ts";

/** What the paravisor says of its machine; members that real ones have are there by default. */
export type VmConfiguration = Readonly<Record<string, boolean | string>>;

/** A machine with secure boot and without a console. */
export const FAKE_VM_CONFIGURATION: VmConfiguration = {
  "console-enabled": false,
  "secure-boot": true,
  "tpm-enabled": true,
  "tpm-persisted": false,
  vmUniqueId: "FA4E0000-0000-4000-8000-000000000000",
};

/** The authorities of the virtual TPMs of machines with trusted launch. */
export class FakeAzure {
  readonly ca: FakeTpmCa = new FakeTpmCa({
    organization: "Microsoft Corporation",
    root: "Azure Virtual TPM Root Certificate Authority 2023",
    intermediate: "Global Virtual TPM CA - 03",
  });

  /** Certifies the attestation key of a machine's TPM. */
  certifyAk(tpm: FakeTpm): Uint8Array {
    return this.ca.certifyAk(tpm, { commonName: "fake.Azure.VirtualTPM" });
  }
}

/** The paravisor of a confidential machine: it runs the virtual TPM, and has the hardware vouch for its keys. */
export class FakeParavisor {
  /** The runtime claims, JSON text. */
  readonly variableData: Uint8Array;

  /** The TPM's attestation key must be an RSA key, as Azure's are. */
  constructor({ akKey }: FakeTpm, vmConfiguration: VmConfiguration = {}) {
    const ak = { kid: "HCLAkPub", key_ops: ["sign"], kty: "RSA", ...rsaNumbers(akKey) };
    const claims = {
      keys: [ak],
      "vm-configuration": { ...FAKE_VM_CONFIGURATION, ...vmConfiguration },
      "user-data": "00".repeat(64),
    };
    this.variableData = utf8(JSON.stringify(claims));
  }

  /** The report data that the hardware's evidence must have: the hash of the claims, then zeros. */
  get reportData(): Uint8Array {
    const reportData = new Uint8Array(64);
    reportData.set(createHash("sha256").update(this.variableData).digest());
    return reportData;
  }

  /** The paravisor's report around the hardware's. */
  hclReport(reportType: ReportType, hwReport: Uint8Array): Uint8Array {
    return writeHclReport({ reportType, hwReport, variableData: this.variableData });
  }
}
