import { randomBytes } from "node:crypto";
import type { Limits } from "../http/fetch.ts";
import type { KmsDependencies } from "../uri/open-kms.ts";
import { kmipExchange } from "./kmip-exchange.ts";
import { nodeTools } from "./tools.ts";

/** Network, clock, files and randomness of this machine, for `openKms`. */
export function nodeKmsDependencies(limits?: Partial<Limits>): KmsDependencies {
  return {
    tools: (ca) => nodeTools({ ...(ca === undefined ? {} : { ca }), ...(limits === undefined ? {} : { limits }) }),
    kmip: kmipExchange,
    random: randomBytes,
  };
}
