import { EndorsementError } from "../error.ts";
import type { EndorsementSource } from "../source.ts";
import { authorityKey, type Bundle, collateralKey, vcekKey } from "./bundle.ts";

/** Endorsements from a bundle and from nowhere else: what it lacks is refused with "not_in_bundle". */
export function bundleSource(bundle: Bundle): EndorsementSource {
  const authorities = new Map(bundle.authorities.map((one) => [authorityKey(one), one]));
  const vceks = new Map(bundle.vceks.map((one) => [vcekKey(one), one]));
  const tdx = new Map(bundle.tdx.map((one) => [collateralKey(one), one]));
  return {
    async sevSnp(platform) {
      const { caChain, crls } = find(authorities, authorityKey(platform));
      if (platform.kind === "VLEK") return { caChain, crls };
      const { endorsementCert } = find(vceks, vcekKey(platform));
      return { endorsementCert, caChain, crls };
    },
    async tdx(platform) {
      return find(tdx, collateralKey(platform)).collateral;
    },
  };
}

function find<T>(parts: ReadonlyMap<string, T>, key: string): T {
  const part = parts.get(key);
  if (part !== undefined) return part;
  throw new EndorsementError("not_in_bundle", `Find endorsement failed: got no ${key} in the bundle, wanted one`);
}
