import { utf8 } from "@constellation/bytes";
import { type Bundle, bundleSource, EndorsementError, readBundle } from "@constellation/endorsements";
import type { EvidenceFiles } from "@constellation/evidence";
import { type CaseInput, COLLATERAL_ROLES } from "@constellation/evidence/case";
import { HclError, parseHclReport } from "@constellation/hcl";
import { SevSnpError } from "@constellation/sev-snp";
import { type Collateral, parseQuote, pckPlatformOf, TdxError } from "@constellation/tdx";
import { derToPem } from "@constellation/x509";
import { CliError } from "../../errors.ts";
import { sevSnpPlatform } from "./platform.ts";

/**
 * A case with the endorsements of a bundle, in the place of those that it names. Nothing in them is verified here.
 * @throws CliError `usage` for a bundle that is none or has nothing for this evidence, and for kinds that need none
 */
export async function withEndorsements(input: CaseInput, bundle: Uint8Array): Promise<CaseInput> {
  try {
    const given = await endorsementsOf(input, readBundle(bundle));
    return { ...input, files: input.files.with(given) };
  } catch (cause) {
    if (cause instanceof EndorsementError) throw new CliError("usage", cause.message, { cause });
    if (!(cause instanceof SevSnpError) && !(cause instanceof TdxError) && !(cause instanceof HclError)) throw cause;
    const message = `Find endorsements failed: the evidence does not say of which machine it is: ${cause.message}`;
    throw new CliError("usage", message, { cause });
  }
}

type Files = ReadonlyMap<string, Uint8Array>;

async function endorsementsOf({ case: { kind }, files }: CaseInput, bundle: Bundle): Promise<Files> {
  switch (kind) {
    case "sev-snp":
      return ofReport(files.get("report"), files, bundle);
    case "azure-sev-snp":
      return ofReport(parseHclReport(files.get("hcl_report")).hwReport, files, bundle);
    case "tdx":
      return ofQuote(files.get("quote"), bundle);
    case "azure-tdx":
      return ofQuote(files.get("td_quote"), bundle);
    case "azure-hcl":
    case "ccel":
    case "gcp-ek-cert":
    case "nitro":
    case "sev-snp-launch-digest":
    case "tpm-eventlog":
    case "tpm-quote":
      throw new CliError("usage", `Find endorsements failed: got evidence of kind "${kind}", wanted SEV-SNP or TDX`);
  }
}

async function ofReport(report: Uint8Array, files: EvidenceFiles, bundle: Bundle): Promise<Files> {
  const products = [...new Set(bundle.authorities.map(({ product }) => product))];
  const stated = products.length === 1 ? products[0] : undefined;
  const platform = sevSnpPlatform("report", report, stated, "use a bundle for one product line only");
  const { endorsementCert, caChain, crls } = await bundleSource(bundle).sevSnp(platform);
  const [crl, ...more] = crls;
  if (more.length > 0) {
    throw new CliError("usage", `Find endorsements failed: got ${crls.length} CRLs in the bundle, wanted one or none`);
  }
  // AMD hands out no VLEK: it comes from the host, with the report.
  const certificate = endorsementCert ?? files.get("endorsement_cert");
  return new Map([
    ["endorsement_cert", certificate],
    ["ca_chain", utf8(caChain.map(derToPem).join(""))],
    ...(crl === undefined ? [] : [["crl", crl] as const]),
  ]);
}

async function ofQuote(quote: Uint8Array, bundle: Bundle): Promise<Files> {
  const collateral = await bundleSource(bundle).tdx(pckPlatformOf(parseQuote(quote)));
  const parts = Object.entries(COLLATERAL_ROLES) as [keyof Collateral, string][];
  return new Map(parts.map(([part, role]) => [role, collateral[part]]));
}
