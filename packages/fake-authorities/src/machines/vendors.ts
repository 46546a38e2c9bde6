import { FakeNitro } from "@constellation/nitro/testing";
import type { Product } from "@constellation/sev-snp";
import { FakeAmd } from "@constellation/sev-snp/testing";
import { FakeAzure } from "../azure/fake-azure.ts";
import { FakeGcp } from "../gcp/fake-gcp.ts";
import { FakeIntel } from "../intel/fake-intel.ts";

/** One fake authority of each vendor. */
export interface FakeVendors {
  readonly amd: FakeAmd;
  readonly intel: FakeIntel;
  readonly nitro: FakeNitro;
  readonly gcp: FakeGcp;
  readonly azure: FakeAzure;
}

/** Makes new authorities with new keys. AMD's RSA keys take their time. */
export async function createFakeVendors(product: Product = "Milan"): Promise<FakeVendors> {
  return {
    amd: new FakeAmd(product),
    intel: await FakeIntel.create(),
    nitro: new FakeNitro(),
    gcp: new FakeGcp(),
    azure: new FakeAzure(),
  };
}
