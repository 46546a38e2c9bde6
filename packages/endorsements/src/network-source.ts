import { CachingClient, type CachingOptions, type NetworkDependencies } from "./cache/caching-client.ts";
import { DEFAULT_LIMITS } from "./http/limits.ts";
import type { EndorsementSource } from "./source.ts";
import { AMD_KDS, KdsClient } from "./vendor/kds.ts";
import { INTEL_PCS, PcsClient, type PcsService, type TcbEvaluation } from "./vendor/pcs.ts";

/** Whom to ask, and how. */
export interface NetworkOptions extends CachingOptions {
  /** AMD's service, or a mirror with the same paths. */
  readonly kdsUrl: string;
  readonly pcs: PcsService;
  readonly evaluation: TcbEvaluation;
}

/** The vendors' own services, Intel's standard evaluation, and the cache in use. */
export const DEFAULT_NETWORK_OPTIONS: NetworkOptions = {
  kdsUrl: AMD_KDS,
  pcs: INTEL_PCS,
  evaluation: { kind: "update", update: "standard" },
  cache: "use",
  limits: DEFAULT_LIMITS,
};

/** Endorsements from vendors over the network, through a cache. Throws `EndorsementError` "url_refused". */
export function networkSource(options: NetworkOptions, dependencies: NetworkDependencies): EndorsementSource {
  const client = new CachingClient(options, dependencies);
  const kds = new KdsClient(client, options.kdsUrl);
  const pcs = new PcsClient(client, options.pcs, options.evaluation);
  return {
    sevSnp: (platform, signal = new AbortController().signal) => kds.endorsements(platform, signal),
    tdx: (platform, signal = new AbortController().signal) => pcs.collateral(platform, signal),
  };
}
