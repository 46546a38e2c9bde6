import type { EndorsementKind, Product } from "@constellation/sev-snp";
import type { Collateral } from "@constellation/tdx";
import { hex } from "@constellation/bytes";
import type { PckCa } from "../source.ts";
import { vcekUrlOf } from "../vendor/platform.ts";

/** What VCEKs or VLEKs of a product line are judged by. */
export interface BundledAuthority {
  readonly product: Product;
  readonly kind: EndorsementKind;
  /** DER. */
  readonly caChain: readonly Uint8Array[];
  /** DER. */
  readonly crls: readonly Uint8Array[];
}

/** The VCEK certificate of a chip at a TCB. */
export interface BundledVcek {
  readonly product: Product;
  readonly chipId: Uint8Array;
  readonly tcb: Uint8Array;
  /** DER. */
  readonly endorsementCert: Uint8Array;
}

/** The collateral of platforms of one kind. */
export interface BundledCollateral {
  readonly fmspc: Uint8Array;
  readonly ca: PckCa;
  readonly collateral: Collateral;
}

/** Endorsements of a set of platforms, to be used without network. */
export interface Bundle {
  readonly createdAt: Date;
  readonly authorities: readonly BundledAuthority[];
  readonly vceks: readonly BundledVcek[];
  readonly tdx: readonly BundledCollateral[];
}

/** The name of an authority in a bundle; there is one of a name. */
export function authorityKey({ kind, product }: Pick<BundledAuthority, "kind" | "product">): string {
  return `${kind} authority of ${product}`;
}

/** The name of a VCEK in a bundle. Throws `EndorsementError` "platform_invalid" or "chip_masked". */
export function vcekKey(platform: Pick<BundledVcek, "product" | "chipId" | "tcb">): string {
  return vcekUrlOf({ ...platform, kind: "VCEK" });
}

/** The name of collateral in a bundle. */
export function collateralKey({ fmspc, ca }: Pick<BundledCollateral, "fmspc" | "ca">): string {
  return `collateral of FMSPC ${hex(fmspc)}, ${ca} CA`;
}
