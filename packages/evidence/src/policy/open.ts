import type { VmConfigurationPolicy } from "../azure.ts";
import type { QuotesPolicy } from "../vtpm.ts";

type Any = { readonly kind: "any"; readonly reason: string };

const TPM_REGISTERS = 24;

/** A policy that accepts every genuine quote of a TPM, to be narrowed field by field. */
export function openQuotesPolicy(any: Any): QuotesPolicy {
  const all = registers(TPM_REGISTERS, any);
  return { qualifyingData: any, pcrs: { sha256: all, sha384: all, sha512: all }, eventLog: any };
}

/** A policy that takes the paravisor's word on the machine, whatever it is. */
export function openVmConfigurationPolicy(any: Any): VmConfigurationPolicy {
  return { secureBoot: any, tpmEnabled: any, consoleEnabled: any };
}

function registers(count: number, any: Any): ReadonlyMap<number, Any> {
  return new Map(Array.from({ length: count }, (_, index) => [index, any]));
}
