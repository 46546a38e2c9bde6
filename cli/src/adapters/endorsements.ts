import { join } from "node:path";
import {
  DEFAULT_NETWORK_OPTIONS,
  type EndorsementSource,
  networkSource,
  nodeDependencies,
  pccs,
} from "@constellation/endorsements";
import { cacheFolder } from "@constellation/infrastructure-local";
import type { EndorsementOptions } from "../context.ts";

/** AMD's and Intel's services, through a cache on disk and the proxy that the environment names. */
export function vendorEndorsements(
  { kdsUrl, pccsUrl, reload }: EndorsementOptions,
  notify: (what: string) => void,
  environment: NodeJS.ProcessEnv,
): EndorsementSource {
  const cacheDirectory = join(cacheFolder(environment), "endorsements");
  const options = {
    ...DEFAULT_NETWORK_OPTIONS,
    ...(kdsUrl !== undefined && { kdsUrl }),
    ...(pccsUrl !== undefined && { pcs: pccs(pccsUrl) }),
    cache: reload ? "reload" : "use",
  } as const;
  return networkSource(
    options,
    nodeDependencies({ env: environment, cacheDirectory, notify: (notice) => notify(JSON.stringify(notice)) }),
  );
}
