import type { EndorsementSource, SevSnpPlatform, TdxPlatform } from "../source.ts";
import {
  authorityKey,
  type Bundle,
  type BundledAuthority,
  type BundledCollateral,
  type BundledVcek,
  collateralKey,
  vcekKey,
} from "./bundle.ts";

/** Platforms that a bundle is for. */
export interface Platforms {
  readonly sevSnp: readonly SevSnpPlatform[];
  readonly tdx: readonly TdxPlatform[];
}

/**
 * Gets the endorsements of all these platforms from a source, each once. Throws `EndorsementError` at the first that
 * cannot be had: a bundle is whole.
 */
export async function gatherBundle(
  source: EndorsementSource,
  platforms: Platforms,
  now: Date,
  signal?: AbortSignal,
): Promise<Bundle> {
  const authorities = new Map<string, BundledAuthority>();
  const vceks = new Map<string, BundledVcek>();
  const tdx = new Map<string, BundledCollateral>();
  for (const platform of platforms.sevSnp) {
    const { product, kind, chipId, tcb } = platform;
    const { endorsementCert, caChain, crls } = await source.sevSnp(platform, signal);
    authorities.set(authorityKey(platform), { product, kind, caChain, crls });
    if (endorsementCert) vceks.set(vcekKey(platform), { product, chipId, tcb, endorsementCert });
  }
  for (const platform of platforms.tdx) {
    const collateral = await source.tdx(platform, signal);
    tdx.set(collateralKey(platform), { fmspc: platform.fmspc, ca: platform.ca, collateral });
  }
  return { createdAt: now, authorities: [...authorities.values()], vceks: [...vceks.values()], tdx: [...tdx.values()] };
}
