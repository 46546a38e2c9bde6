import { hex } from "@constellation/bytes";
import type { TdQuote } from "./quote.ts";
import type { TdReport10, TdReport15 } from "./td-report.ts";

type HexFields<T> = { readonly [Key in keyof Omit<T, "tdxVersion">]: string };
type Added15 = Omit<HexFields<TdReport15>, keyof TdReport10>;

/**
 * What a TD quote says of its TD and platform: the fields of the body by the specification's names, hexadecimal, bytes
 * in the order of the evidence. To be believed only where the quote is verified.
 */
export interface QuoteClaims extends HexFields<TdReport10>, Partial<Added15> {
  readonly version: 4 | 5;
  readonly tdxVersion: "1.0" | "1.5";
}

/** The claims of a quote. TEE_TCB_SVN_2 and MRSERVICETD are there for TDX 1.5 bodies only, further ones for extended. */
export function quoteClaims({ header, body }: TdQuote): QuoteClaims {
  const { tdxVersion, ...fields } = body;
  const texts = Object.entries<Uint8Array>(fields).map(([name, value]) => [name, hex(value)]);
  return { version: header.version, tdxVersion, ...(Object.fromEntries(texts) as HexFields<TdReport10>) };
}
