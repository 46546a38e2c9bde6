import { TdxError } from "./error.ts";
import { readPckExtensions } from "./pck-extensions.ts";
import { parsePemChain } from "./pem-chain.ts";
import type { TdQuote } from "./quote.ts";

/** What Intel's collateral for a platform is asked by. */
export interface PckPlatform {
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** Which CA issued the PCK certificate. */
  readonly ca: "platform" | "processor";
}

const CAS = new Map<string | undefined, PckPlatform["ca"]>([
  ["Intel SGX PCK Platform CA", "platform"],
  ["Intel SGX PCK Processor CA", "processor"],
]);

/**
 * Reads from a quote what to ask for collateral by. Nothing is verified: collateral of another platform does not fit the
 * quote, and is refused then. Throws `TdxError` "certificate_chain" or "pck_extensions".
 */
export function pckPlatformOf({ pckCertificateChain }: Pick<TdQuote, "pckCertificateChain">): PckPlatform {
  const [pck, issuer] = parsePemChain(pckCertificateChain);
  const name = issuer?.subject.commonName;
  const ca = CAS.get(name);
  if (ca !== undefined) return { fmspc: readPckExtensions(pck).FMSPC, ca };
  const wanted = [...CAS.keys()].map((known) => `"${known}"`).join(" or ");
  throw new TdxError("certificate_chain", `Read PCK platform failed: got issuer "${name ?? "none"}", wanted ${wanted}`);
}
