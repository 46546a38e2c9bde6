import { utf8 } from "@constellation/bytes";
import { EvidenceFiles, pemCertificates } from "@constellation/evidence";
import type { Case, CaseInput, CaseKind } from "@constellation/evidence/case";
import type { ShownEvidence } from "@constellation/evidence/show";
import type { DroppedFile } from "./dropped-files.ts";

/** A file of evidence with what it says. */
export interface KnownFile extends DroppedFile, ShownEvidence {}

/** A certificate as a PEM block, with what it says of itself. */
export interface LooseCertificate {
  readonly pem: string;
  readonly subject: string;
  readonly issuer: string;
  readonly ca: boolean;
  readonly sha256: string;
}

/** The certificates in the files, each once. */
export function looseCertificates(files: readonly KnownFile[]): LooseCertificate[] {
  const found = files.flatMap(({ format, bytes, contents }) => {
    if (format !== "PEM" && format !== "X.509 certificate") return [];
    const said = (Array.isArray(contents) ? contents : [contents]) as Omit<LooseCertificate, "pem">[];
    return pemCertificates(bytes).map((pem, index) => ({ ...(said[index] as LooseCertificate), pem }));
  });
  return [...new Map(found.map((certificate) => [certificate.sha256, certificate])).values()];
}

/** What is enough for a verdict by itself, with its certificates and collateral. */
export interface LooseEvidence {
  readonly kind: CaseKind;
  readonly path: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What a verdict can start from, by format, and the role that it then has. Others need a case to say what belongs together. */
const SUBJECTS: Readonly<Record<string, { readonly kind: CaseKind; readonly role: string }>> = {
  "AMD SEV-SNP report": { kind: "sev-snp", role: "report" },
  "Intel TDX quote": { kind: "tdx", role: "quote" },
  "AWS Nitro attestation document": { kind: "nitro", role: "document" },
};

/** Puts together what belongs to each report, quote and document, by what the files say. */
export function looseEvidence(files: readonly KnownFile[], certificates: readonly LooseCertificate[]): LooseEvidence[] {
  return files.flatMap((file) => {
    const subject = SUBJECTS[file.format];
    if (subject === undefined) return [];
    const { kind, role } = subject;
    const companions = kind === "sev-snp" ? reportCompanions(certificates) : [];
    const collateral = kind === "tdx" ? quoteCompanions(files, certificates) : [];
    return [{ kind, path: file.path, files: new Map([[role, file.bytes], ...companions, ...collateral]) }];
  });
}

/** The certificates that are nobody's but their own: whether to trust them is for people to say. */
export function possibleRoots(certificates: readonly LooseCertificate[]): LooseCertificate[] {
  return certificates.filter(({ ca, subject, issuer }) => ca && subject === issuer);
}

/**
 * Evidence as a case that asks for nothing of what it says: whether it is genuine, by these roots at this time. Collateral
 * is asked for where there is any of it, so that a part that is missing does not pass for none.
 */
export function looseCase({ kind, path, files }: LooseEvidence, roots: readonly string[], now: Date): CaseInput {
  const subject: Case = {
    id: path,
    kind,
    verifyTime: now,
    files: new Map(Array.from(files.keys(), (role) => [role, role])),
    roots: [],
    policy: files.size > 1 && kind === "tdx" ? { collateral: "required" } : {},
    banks: [],
    akPublicFormat: "tpmt-public",
    expect: "pass",
    reasonCode: undefined,
  };
  const evidence = new EvidenceFiles(files);
  return { case: subject, files: evidence, roots, named: (name) => evidence.get(name) };
}

type Entry = readonly [string, Uint8Array];

/** AMD's leaf is named after its kind (VCEK Certificate and KDS Interface Specification 57230, section 3.1). */
function reportCompanions(certificates: readonly LooseCertificate[]): Entry[] {
  const isLeaf = ({ subject }: LooseCertificate) => /CN=SEV-V[CL]EK/.test(subject);
  return [
    ["endorsement_cert", pemOf(certificates.filter(isLeaf))],
    ["ca_chain", pemOf(certificates.filter((one) => !isLeaf(one)))],
  ];
}

/** What there is of Intel's collateral. */
function quoteCompanions(files: readonly KnownFile[], certificates: readonly LooseCertificate[]): Entry[] {
  const bytesOf = (format: string, fits: (contents: string) => boolean = () => true) =>
    files.find((file) => file.format === format && fits(JSON.stringify(file.contents)))?.bytes;
  const isRootCrl = (contents: string) => contents.includes("CN=Intel SGX Root CA");
  const chain = (name: string) => {
    const signer = certificates.find(({ subject }) => subject.includes(name));
    return signer && pemOf([signer, ...possibleRoots(certificates).filter(({ subject }) => subject === signer.issuer)]);
  };
  const signers = chain("CN=Intel SGX TCB Signing");
  const collateral: readonly (readonly [string, Uint8Array | undefined])[] = [
    ["tcb_info", bytesOf("Intel TCB info")],
    ["tcb_info_issuer_chain", signers],
    ["qe_identity", bytesOf("Intel enclave identity")],
    ["qe_identity_issuer_chain", signers],
    ["root_ca_crl", bytesOf("X.509 CRL", isRootCrl)],
    ["pck_crl", bytesOf("X.509 CRL", (contents) => !isRootCrl(contents))],
    ["pck_crl_issuer_chain", chain("CN=Intel SGX PCK")],
  ];
  return collateral.flatMap(([role, bytes]): Entry[] => (bytes === undefined ? [] : [[role, bytes]]));
}

function pemOf(certificates: readonly LooseCertificate[]): Uint8Array {
  return utf8(certificates.map(({ pem }) => pem).join("\n"));
}
