import { equalConstantTime } from "@constellation/bytes";
import { contextPrimitive, type DerElement, expectTag, parseDer, readIntegerBytes, TAG } from "@constellation/der";
import { type Extension, readExtensionList } from "./extensions.ts";

/** Which certificates of its issuer a CRL speaks about. */
export type CrlScope =
  /** All of them. */
  | "full"
  /** Changes since another CRL (RFC 5280 section 5.2.4). */
  | "delta"
  /** Certificates of other issuers too (RFC 5280 sections 5.2.5 and 5.3.3). */
  | "indirect"
  /** A part of them, by distribution point, kind or reason (RFC 5280 section 5.2.5). */
  | "partial";

/** What the extensions of a CRL and of its entries say. */
export interface CrlExtensions {
  readonly scope: CrlScope;
  /** cRLNumber, two's complement octets; absent in CRLs outside the profile of RFC 5280. */
  readonly crlNumber?: Uint8Array;
  readonly extensions: readonly Extension[];
  /** OIDs of critical extensions, of the CRL or an entry, that this package does not understand; the first sixteen. */
  readonly unknownCritical: readonly string[];
}

/** OIDs of the extensions this package understands (RFC 5280 sections 5.2 and 5.3). */
const CRL_NUMBER = "2.5.29.20";
const REASON_CODE = "2.5.29.21";
const DELTA_CRL_INDICATOR = "2.5.29.27";
const ISSUING_DISTRIBUTION_POINT = "2.5.29.28";
const CERTIFICATE_ISSUER = "2.5.29.29";

/** Each has a meaning in its place only: elsewhere it would be passed over. */
const OF_CRL: ReadonlySet<string> = new Set([CRL_NUMBER, DELTA_CRL_INDICATOR, ISSUING_DISTRIBUTION_POINT]);
const OF_ENTRY: ReadonlySet<string> = new Set([REASON_CODE, CERTIFICATE_ISSUER]);

/** One is enough to refuse a CRL; a CRL has room for a million. */
const MAX_UNKNOWN_CRITICAL = 16;

const INDIRECT_CRL = contextPrimitive(4);

/** Gathers the extensions of one CRL and of all its entries. */
export class CrlExtensionReader {
  #scope: CrlScope = "full";
  #crlNumber: Uint8Array | undefined;
  #extensions: readonly Extension[] = [];
  readonly #unknownCritical = new Set<string>();
  /** Most entries say the same, so that reading it once is enough. */
  #lastOfEntry: Uint8Array = new Uint8Array(0);

  /** Reads crlExtensions. Throws `DerError`, or `X509Error` "duplicate_extension". */
  readOfCrl(element: DerElement): void {
    this.#extensions = readExtensionList(element, "CRL");
    for (const extension of this.#extensions) {
      this.#note(extension, OF_CRL);
      if (extension.oid === CRL_NUMBER) this.#crlNumber = readIntegerBytes(parseDer(extension.value));
      if (extension.oid === DELTA_CRL_INDICATOR) this.#scope = "delta";
      if (extension.oid === ISSUING_DISTRIBUTION_POINT) this.#readDistributionPoint(extension.value);
    }
  }

  /** Reads crlEntryExtensions. Throws as `readOfCrl`. */
  readOfEntry(element: DerElement): void {
    const { encoding } = element;
    if (equalConstantTime(encoding, this.#lastOfEntry)) return;
    this.#lastOfEntry = encoding;
    for (const extension of readExtensionList(element, "CRL")) {
      this.#note(extension, OF_ENTRY);
      if (extension.oid === CERTIFICATE_ISSUER) this.#scope = "indirect";
    }
  }

  result(): CrlExtensions {
    return {
      scope: this.#scope,
      ...(this.#crlNumber && { crlNumber: this.#crlNumber }),
      extensions: this.#extensions,
      unknownCritical: [...this.#unknownCritical],
    };
  }

  #note({ oid, critical }: Extension, understood: ReadonlySet<string>): void {
    if (critical && !understood.has(oid) && this.#unknownCritical.size < MAX_UNKNOWN_CRITICAL) {
      this.#unknownCritical.add(oid);
    }
  }

  /** Whatever it says, it narrows or widens the CRL; an indirect one is told apart for the message. */
  #readDistributionPoint(value: Uint8Array): void {
    const element = parseDer(value);
    expectTag(element, TAG.SEQUENCE, "IssuingDistributionPoint");
    this.#scope = element.children.some(({ tag }) => tag === INDIRECT_CRL) ? "indirect" : "partial";
  }
}
