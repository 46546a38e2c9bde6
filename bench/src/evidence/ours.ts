import {
  EvidenceFiles,
  judgeSevSnp,
  judgeTdx,
  judgeVtpm,
  type Judgement,
  pemCertificates,
  SEV_SNP_POLICY,
  TDX_POLICY,
  VTPM_POLICY,
} from "@constellation/evidence";
import { parseCase } from "@constellation/evidence/case";
import { policyFromCase } from "@constellation/evidence/policy-from-case";
import { type Field, readValue } from "@constellation/fields";
import { file, type Inputs, type Kind, pemBlocks } from "./inputs.ts";
import type { Work } from "./work.ts";

/**
 * Our own appraisal, as services call it: parse, genuine or not, acceptable or not by a policy that states every field
 * as the evidence has it, and the claims.
 */
export const OURS: Readonly<Record<Kind, (inputs: Inputs) => Work>> = {
  "sev-snp": (inputs) => {
    const { files, now } = inputs;
    const policy = policyOf(SEV_SNP_POLICY, inputs);
    return accepted(() => {
      const parts = {
        report: file(files, "report"),
        endorsementCert: file(files, "endorsement_cert"),
        caChain: pemBlocks(file(files, "ca_chain")),
        crls: [],
      };
      return judgeSevSnp(parts, policy, now);
    });
  },
  tdx: (inputs) => {
    const { files, now } = inputs;
    const policy = policyOf(TDX_POLICY, inputs);
    const collateral = {
      tcbInfo: file(files, "tcb_info"),
      tcbInfoIssuerChain: file(files, "tcb_info_issuer_chain"),
      qeIdentity: file(files, "qe_identity"),
      qeIdentityIssuerChain: file(files, "qe_identity_issuer_chain"),
      rootCaCrl: file(files, "root_ca_crl"),
      pckCrl: file(files, "pck_crl"),
      pckCrlIssuerChain: file(files, "pck_crl_issuer_chain"),
    };
    return accepted(() => judgeTdx({ quote: file(files, "quote"), collateral, ccel: undefined }, policy, now));
  },
  tpm: (inputs) => {
    const { files, now, pcrs } = inputs;
    const policy = policyOf(VTPM_POLICY, inputs);
    const registers = new Map(Object.entries(pcrs).map(([index, value]) => [Number(index), value]));
    return accepted(() => {
      const quote = {
        bank: "sha256",
        quote: file(files, "quote_sha256_msg"),
        signature: { format: "tpmt-signature", bytes: file(files, "quote_sha256_sig") },
        pcrs: registers,
      } as const;
      const akCertificate = { certificate: file(files, "ak_cert"), issuers: pemBlocks(file(files, "ak_ca_chain")) };
      const akPublic = { format: "tpmt-public", bytes: file(files, "ak_public") } as const;
      const parts = { akPublic, quotes: [quote], eventLog: file(files, "eventlog"), akCertificate };
      return judgeVtpm(parts, policy, now);
    });
  },
};

/** The total policy that accepts this evidence and no other of its kind. */
function policyOf<Policy>(field: Field<Policy>, { caseJson, files, roots, kind }: Inputs): Policy {
  const subject = parseCase(caseJson);
  const document = policyFromCase({
    // Every side judges the quote over the SHA-256 bank alone.
    case: kind === "tpm" ? { ...subject, banks: ["sha256"] } : subject,
    files: new EvidenceFiles(new Map(Object.entries(files))),
    roots: roots.flatMap((root) => pemCertificates(root)),
    named: (name) => file(files, name),
  });
  const { value, findings } = readValue(field, document.policy);
  if (findings !== undefined) throw new Error("Read policy failed: got one that does not read back");
  return value;
}

function accepted(judge: () => Judgement): Work {
  return () => {
    const refusal = judge().checks.find(({ outcome }) => outcome === "fail");
    if (refusal !== undefined) throw new Error(`Verify failed: ${JSON.stringify(refusal)}`);
  };
}
