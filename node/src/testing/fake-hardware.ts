import { createHash, randomBytes } from "node:crypto";
import { parseEvidence, type PlatformVariant, serializeEvidence } from "@constellation/attestation";
import { base64, concat, hex } from "@constellation/bytes";
import type { AttestationVariant } from "@constellation/config/variants";
import type { EndorsementSource } from "@constellation/endorsements";
import { endorseEvidence } from "@constellation/endorsements/evidence";
import { createEvidenceSource, type EvidenceSource, nodeDependencies } from "@constellation/evidence-source";
import {
  AZURE_AK_CERTIFICATE_NV,
  FakeHost,
  FakeMetadata,
  FakeNv,
  GCP_AK_NV,
  HCL_REPORT_NV,
  json,
  nsmResponse,
  RTMR3,
  systemError,
  TD_REGISTERS,
  TPM_EVENT_LOG,
} from "@constellation/evidence-source/testing";
import {
  fakeEventLog,
  fakeEvents,
  FakeNitroInstance,
  FakeParavisor,
  FakeSevSnpGuest,
  type FakeTdxGuest,
  FakeTpm,
  type FakeVendors,
  writeTdReport,
} from "@constellation/fake-authorities";
import { derToPem, parseCertificate } from "@constellation/x509";
import type { VendorRoots } from "../join/peer-policy.ts";
import { CommandTpm } from "./command-tpm.ts";

/** How a machine differs from the others of its cluster. */
export interface HardwareRequest {
  /** What it booted. */
  readonly image?: string;
  /** Whether its hardware lets the host look in. */
  readonly debug?: boolean;
  /** What Azure runs above it. */
  readonly paravisor?: string;
  /** What its host bound to it: 32 bytes. */
  readonly launchIdentity?: Uint8Array;
  /** What its host writes into a TD's quotes in the place of the truth, while there is anything. */
  readonly forged?: Partial<FakeTdxGuest["body"]>;
  /** Who vouches for a TD's quotes, where that is not Intel's quoting enclave: its MRSIGNER. */
  readonly quotingEnclave?: Uint8Array;
}

/** A machine of a variant that is not there: its files, TPM, and metadata service. */
export interface FakeHardware {
  readonly source: EvidenceSource;
  /** The section of a configuration that this machine's image fulfils, with the fake vendors' roots. */
  readonly section: Readonly<Record<string, unknown>>;
  readonly endorse: (evidence: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
  readonly close: () => Promise<void>;
}

/** Names of the command line by variant. */
export const CONFIG_NAMES: Readonly<Record<PlatformVariant, AttestationVariant>> = {
  "sev-snp": "qemu-sev-snp",
  tdx: "qemu-tdx",
  "aws-sev-snp": "aws-sev-snp",
  "aws-nitro-tpm": "aws-nitro-tpm",
  "azure-sev-snp": "azure-sev-snp",
  "azure-tdx": "azure-tdx",
  "azure-trusted-launch": "azure-trustedlaunch",
  "gcp-sev-snp": "gcp-sev-snp",
  "gcp-tdx": "gcp-tdx",
  "gcp-sev-es": "gcp-sev-es",
};

const SNP_DEBUG = 1n << 19n;
const SNP_POLICY = 0x30000n;
const STATED = [4, 9, 11, 12, 13];

export function vendorRootsOf({ amd, intel, nitro, gcp, azure }: FakeVendors): VendorRoots {
  return {
    amd: [parseCertificate(amd.ark)],
    intel: [intel.root.certificate],
    awsNitro: [parseCertificate(nitro.root)],
    gcp: [parseCertificate(gcp.ca.root)],
    azure: [parseCertificate(azure.ca.root)],
  };
}

/** Makes a machine. What its hardware reports of an image is the same on each machine with that image. */
export async function createFakeHardware(
  variant: PlatformVariant,
  vendors: FakeVendors,
  request: HardwareRequest = {},
): Promise<FakeHardware> {
  const metadata = await FakeMetadata.start();
  const machine = new Machine(vendors, metadata, request);
  const section = await SETUPS[variant](machine);
  const source = createEvidenceSource(
    variant,
    { reportEntry: "test", metadata: { origin: metadata.origin, timeoutMs: 10_000, maxAttempts: 1 } },
    { ...nodeDependencies({ root: "/nowhere", openTpm: machine.openTpm }), files: machine.host },
  );
  return { source, section, endorse: machine.endorse, close: () => metadata.close() };
}

type Setup = (machine: Machine) => Record<string, unknown> | Promise<Record<string, unknown>>;

const SETUPS: Readonly<Record<PlatformVariant, Setup>> = {
  "sev-snp": (machine) => ({ ...machine.sevSnp(), launchMeasurements: [hex(machine.measurement)] }),
  tdx: (machine) => machine.tdx(),
  "aws-sev-snp": (machine) => ({ ...machine.sevSnp("VLEK"), ...machine.nitro() }),
  "aws-nitro-tpm": (machine) => machine.nitro(),
  "azure-sev-snp": (machine) => machine.azureSevSnp(),
  "azure-tdx": (machine) => machine.azureTdx(),
  "azure-trusted-launch": (machine) => machine.azureTpm(),
  "gcp-sev-snp": (machine) => ({ ...machine.sevSnp(), ...machine.gcpTpm() }),
  "gcp-tdx": async (machine) => ({ ...(await machine.cloudTdx()), ...machine.gcpTpm() }),
  "gcp-sev-es": (machine) => machine.gcpTpm(),
};

class Machine {
  readonly host = new FakeHost();
  /** What the hardware measured of image and firmware. */
  readonly measurement: Uint8Array;
  readonly #vendors: FakeVendors;
  readonly #metadata: FakeMetadata;
  readonly #request: HardwareRequest;
  readonly #log: ReturnType<typeof fakeEventLog>;
  readonly #identity: Uint8Array;
  #nv: FakeNv | undefined;

  constructor(vendors: FakeVendors, metadata: FakeMetadata, request: HardwareRequest) {
    const image = request.image ?? "image";
    this.#vendors = vendors;
    this.#metadata = metadata;
    this.#request = request;
    this.#identity = request.launchIdentity ?? new Uint8Array(randomBytes(32));
    this.measurement = sha384(image);
    this.#log = fakeEventLog(fakeEvents(image), ["sha256", "sha384"]);
    this.host.with({ [TPM_EVENT_LOG]: this.#log.bytes });
  }

  readonly openTpm = async (): Promise<FakeNv> => {
    if (this.#nv === undefined) throw systemError("ENOENT");
    return this.#nv;
  };

  /** The vendors' services, and the issuers of TPM certificates. */
  readonly endorse = async (evidence: Uint8Array, signal: AbortSignal): Promise<Uint8Array> => {
    const endorsed = parseEvidence((await endorseEvidence(evidence, this.#source, signal)).evidence);
    if (!("vtpm" in endorsed)) return serializeEvidence(endorsed);
    const { gcp, azure } = this.#vendors;
    const issuers = [(endorsed.variant === "azure-trusted-launch" ? azure : gcp).ca.intermediate];
    const akCertificate = { ...endorsed.vtpm.akCertificate, issuers };
    return serializeEvidence({ ...endorsed, vtpm: { ...endorsed.vtpm, akCertificate } });
  };

  readonly #source: EndorsementSource = {
    sevSnp: async ({ kind }) => {
      const { amd } = this.#vendors;
      return { caChain: [kind === "VLEK" ? amd.asvk : amd.ask], crls: [amd.issueCrl([])] };
    },
    tdx: () => this.#vendors.intel.collateral(),
  };

  /** Reports from the guest driver; the host hands certificates along, and no CRL. */
  sevSnp(signer: "VCEK" | "VLEK" = "VCEK"): Record<string, unknown> {
    const guest = this.#guest(signer);
    this.host.tsm = {
      provider: "sev_guest",
      report: (reportData) => ({ outblob: guest.report({ reportData }), auxblob: guest.certificateTable() }),
    };
    return this.#amdSection();
  }

  #guest(signer: "VCEK" | "VLEK"): FakeSevSnpGuest {
    const policy = this.#request.debug === true ? SNP_POLICY | SNP_DEBUG : SNP_POLICY;
    const report = { policy, measurement: this.measurement, hostData: this.#identity };
    return new FakeSevSnpGuest(this.#vendors.amd, { signer, report });
  }

  #amdSection(): Record<string, unknown> {
    return { amdRootKey: derToPem(this.#vendors.amd.ark) };
  }

  async #tdxGuest(MRTD = this.measurement) {
    const image = this.#request.image ?? "image";
    const TDATTRIBUTES = Uint8Array.of(this.#request.debug === true ? 1 : 0, 0, 0, 0x10, 0, 0, 0, 0);
    const MRCONFIGID = concat(this.#identity, new Uint8Array(16));
    return await this.#vendors.intel.createGuest({
      body: { MRTD, MRCONFIGID, TDATTRIBUTES, RTMR3: new Uint8Array(48) },
      events: [["firmware"], [`kernel ${image}`], [`command line ${image}`]],
    });
  }

  /** A TD; writing to its sysfs file extends RTMR3. */
  async tdx(): Promise<Record<string, unknown>> {
    const guest = await this.#tdxGuest();
    let { RTMR3: rtmr3 } = guest.body;
    this.host.tsm = {
      provider: "tdx_guest",
      report: (REPORTDATA) => ({
        outblob: guest.quote({
          body: { REPORTDATA, RTMR3: rtmr3, ...this.#request.forged },
          ...(this.#request.quotingEnclave && { qeReport: { MRSIGNER: this.#request.quotingEnclave } }),
        }),
      }),
    };
    const show = () => this.host.with({ ...registersOf(guest.body), [RTMR3]: rtmr3 });
    show();
    const write = this.host.write;
    this.host.write = async (path, bytes) => {
      if (path !== RTMR3) return await write(path, bytes);
      rtmr3 = sha384(concat(rtmr3, bytes));
      show();
    };
    const { MRTD, RTMR1, RTMR2 } = guest.body;
    return {
      intelRootKey: this.#vendors.intel.root.pem,
      launchMeasurements: [hex(MRTD)],
      measurements: { 1: stated(RTMR1), 2: stated(RTMR2) },
    };
  }

  async cloudTdx(): Promise<Record<string, unknown>> {
    const { launchMeasurements: _1, measurements: _2, ...section } = await this.tdx();
    return section;
  }

  #tpm(kind: "ecc" | "rsa"): { key: FakeTpm; tpm: CommandTpm; nv: FakeNv } {
    const key = new FakeTpm(kind);
    const tpm = new CommandTpm(key, { sha256: this.#log.pcrs("sha256"), sha384: this.#log.pcrs("sha384") });
    this.#nv = new FakeNv(tpm);
    return { key, tpm, nv: this.#nv };
  }

  gcpTpm(): Record<string, unknown> {
    const { key, nv } = this.#tpm("ecc");
    nv.store(GCP_AK_NV[0].template, key.akPublicBytes);
    nv.store(GCP_AK_NV[0].certificate, this.#vendors.gcp.certifyAk(key));
    return { ...this.#pcrSection(), tpmRootKeys: [derToPem(this.#vendors.gcp.ca.root)] };
  }

  azureTpm(): Record<string, unknown> {
    const { key, nv } = this.#tpm("rsa");
    nv.store(AZURE_AK_CERTIFICATE_NV, this.#vendors.azure.certifyAk(key));
    return { ...this.#pcrSection(), tpmRootKeys: [derToPem(this.#vendors.azure.ca.root)] };
  }

  /** The paravisor's report in NV memory; AMD's certificates are at the metadata service. */
  azureSevSnp(): Record<string, unknown> {
    const { key, nv } = this.#tpm("rsa");
    const paravisor = new FakeParavisor(key);
    const guest = this.#guest("VCEK");
    nv.store(HCL_REPORT_NV, paravisor.hclReport("sev-snp", guest.report({ reportData: paravisor.reportData })));
    const { endorsementCert, caChain } = guest.endorsements;
    const certificateChain = [...caChain, this.#vendors.amd.ark].map(derToPem).join("");
    const certification = { vcekCert: derToPem(endorsementCert), certificateChain };
    this.#metadata.scripts.set("/metadata/THIM/amd/certification", [json(certification)]);
    const firmwareSignerConfig = { acceptedKeyDigests: [hex(guest.fields.idKeyDigest)] };
    return { ...this.#pcrSection(), ...this.#amdSection(), firmwareSignerConfig };
  }

  /** The paravisor's report in NV memory; the TD quote of it is at the metadata service. */
  async azureTdx(): Promise<Record<string, unknown>> {
    const { key, nv } = this.#tpm("rsa");
    const paravisor = new FakeParavisor(key);
    const guest = await this.#tdxGuest(sha384(this.#request.paravisor ?? "paravisor"));
    const body = { ...guest.body, REPORTDATA: paravisor.reportData };
    nv.store(HCL_REPORT_NV, paravisor.hclReport("tdx", writeTdReport(body)));
    this.#metadata.scripts.set("/acc/tdquote", [json({ quote: base64url(guest.quote({ body })) })]);
    const launchMeasurements = [hex(body.MRTD)];
    return { ...this.#pcrSection(), intelRootKey: this.#vendors.intel.root.pem, launchMeasurements };
  }

  /** NitroTPM's documents, of the SHA-384 bank. PCR 0 to 2 zero is what AWS calls debug. */
  nitro(): Record<string, unknown> {
    const { tpm, nv } = this.#tpm("ecc");
    const { nitro } = this.#vendors;
    const module_id = `i-${hex(this.#identity).slice(0, 17)}`;
    const instance = new FakeNitroInstance(nitro, "nitrotpm", { module_id, user_data: null });
    if (this.#request.debug === true) for (const index of [0, 1, 2]) tpm.banks.sha384.set(index, new Uint8Array(48));
    nv.nsm = (asked) => {
      const nitrotpm_pcrs = new Map(Array.from(tpm.banks.sha384, ([index, value]) => [BigInt(index), value]));
      return nsmResponse(instance.document({ nonce: nonceOf(asked), nitrotpm_pcrs }));
    };
    const pcrs = this.#log.pcrs("sha384");
    return {
      nitroRootKey: derToPem(nitro.root),
      measurements: Object.fromEntries(STATED.map((index) => [index, stated(pcrs.get(index) as Uint8Array)])),
    };
  }

  #pcrSection(): Record<string, unknown> {
    const pcrs = this.#log.pcrs("sha256");
    return { measurements: Object.fromEntries(STATED.map((index) => [index, stated(pcrs.get(index) as Uint8Array)])) };
  }
}

/** The kernel's files of a TD's registers. */
function registersOf(body: FakeTdxGuest["body"]): Record<string, Uint8Array> {
  const names = Object.keys(TD_REGISTERS) as (keyof typeof TD_REGISTERS)[];
  return Object.fromEntries(names.map((name) => [TD_REGISTERS[name], body[name]]));
}

function stated(value: Uint8Array) {
  return { expected: hex(value), warnOnly: false };
}

/** The request has no other byte string of 64 bytes. */
function nonceOf(request: Uint8Array): Uint8Array {
  const at = Buffer.from(request).indexOf(Buffer.of(0x58, 64));
  return request.slice(at + 2, at + 66);
}

function sha384(text: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha384").update(text).digest());
}

function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_");
}
