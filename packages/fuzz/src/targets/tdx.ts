import { parseCcel, parseQeIdentity, parseQuote, parseTcbInfo, TdxError } from "@constellation/tdx";
import type { Target } from "../target.ts";

/** Parsers of the package `tdx`. */
export const TARGETS: readonly Target[] = [
  { name: "tdx.quote", parse: parseQuote, error: TdxError, seeds: (vectors) => vectors.byRole(["quote", "td_quote"]) },
  { name: "tdx.tcb-info", parse: parseTcbInfo, error: TdxError, seeds: (vectors) => vectors.byRole(["tcb_info"]) },
  {
    name: "tdx.qe-identity",
    parse: parseQeIdentity,
    error: TdxError,
    seeds: (vectors) => vectors.byRole(["qe_identity"]),
  },
  {
    name: "tdx.ccel",
    parse: parseCcel,
    error: TdxError,
    seeds: (vectors) => [...vectors.byRole(["ccel"]), ...vectors.byRole(["eventlog"], "ccel")],
  },
];
