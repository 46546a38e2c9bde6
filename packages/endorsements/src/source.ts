import type { EndorsementKind, Product } from "@constellation/sev-snp";
import type { Collateral } from "@constellation/tdx";

/** A platform with SEV-SNP at a TCB, as its report names it. */
export interface SevSnpPlatform {
  readonly product: Product;
  /** Which key signed. AMD hands out VCEK certificates; a VLEK certificate comes from the host. */
  readonly kind: EndorsementKind;
  /** CHIP_ID, 64 bytes. Not looked at for a VLEK. */
  readonly chipId: Uint8Array;
  /** REPORTED_TCB, 8 bytes. Not looked at for a VLEK. */
  readonly tcb: Uint8Array;
}

/** What a report is verified with; nothing in it is verified. */
export interface SevSnpEndorsements {
  /** The VCEK, DER; none for a VLEK. */
  readonly endorsementCert?: Uint8Array;
  /** ASK or ASVK, then ARK, DER. The ARK is not trusted for being there. */
  readonly caChain: readonly Uint8Array[];
  /** CRLs of the ARK, DER. */
  readonly crls: readonly Uint8Array[];
}

/** Which of Intel's CAs issued a PCK certificate: its common name has "Processor" or "Platform". */
export type PckCa = "processor" | "platform";

/** A platform with TDX, as its PCK certificate names it. */
export interface TdxPlatform {
  /** FMSPC, 6 bytes. */
  readonly fmspc: Uint8Array;
  readonly ca: PckCa;
}

/** Where endorsements come from: vendors over the network, or a bundle. Methods throw `EndorsementError`. */
export interface EndorsementSource {
  sevSnp(platform: SevSnpPlatform, signal?: AbortSignal): Promise<SevSnpEndorsements>;
  tdx(platform: TdxPlatform, signal?: AbortSignal): Promise<Collateral>;
}
