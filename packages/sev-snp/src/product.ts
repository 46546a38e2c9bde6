/** AMD's names of the product lines, each with its own ARK (AMD 57230 section 1.5, table 4). */
export type Product = "Milan" | "Genoa" | "Turin";

/** CPUID_FAM_ID, CPUID_MOD_ID and CPUID_STEP of a report: family and model with their extended parts added in. */
export interface Cpuid {
  readonly famId: number;
  readonly modId: number;
  readonly step: number;
}

/** Product names of certificates: the name, and for some the silicon revision, as in `Milan-B0`. */
const PRODUCT_NAME = /^([A-Z][a-z]+)(?:-[A-Z][0-9])?$/;
/** Bergamo and Siena are under the Genoa root (AMD 57230 section 1.5). */
const LINES: ReadonlyMap<string | undefined, Product> = new Map([
  ["Milan", "Milan"],
  ["Genoa", "Genoa"],
  ["Bergamo", "Genoa"],
  ["Siena", "Genoa"],
  ["Turin", "Turin"],
]);

const ZEN3_ZEN4_FAMILY = 0x19;
const ZEN5_FAMILY = 0x1a;

/**
 * The product line of a CPU, or undefined for one without SEV-SNP or newer than this package.
 * AMD 57230 section 1.5, table 4; models A0h to AFh (Bergamo, Siena) are under the Genoa root.
 */
export function productOfCpuid({ famId, modId }: Cpuid): Product | undefined {
  const extendedModel = modId >> 4;
  if (famId === ZEN3_ZEN4_FAMILY && extendedModel === 0x0) return "Milan";
  if (famId === ZEN3_ZEN4_FAMILY && (extendedModel === 0x1 || extendedModel === 0xa)) return "Genoa";
  if (famId === ZEN5_FAMILY && extendedModel <= 0x1) return "Turin";
  return undefined;
}

/** The product line of a certificate's productName, or undefined for one that is not known. */
export function productOfName(productName: string): Product | undefined {
  return LINES.get(PRODUCT_NAME.exec(productName)?.[1]);
}
