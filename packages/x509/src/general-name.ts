import { contextPrimitive, type DerElement, DerError, readIa5 } from "@constellation/der";

/** A GeneralName (RFC 5280 section 4.2.1.6); forms not listed here are kept as "other". */
export type GeneralName =
  | { readonly kind: "uri"; readonly value: string }
  | { readonly kind: "dns"; readonly value: string }
  /** Dotted IPv4, or IPv6 as eight groups without leading zeros and without `::`. */
  | { readonly kind: "ip"; readonly value: string }
  | { readonly kind: "other"; readonly tag: number };

const DNS_NAME = contextPrimitive(2);
const URI = contextPrimitive(6);
const IP_ADDRESS = contextPrimitive(7);

/** Reads one GeneralName. Throws `DerError`. */
export function readGeneralName(element: DerElement): GeneralName {
  switch (element.tag) {
    case DNS_NAME:
      return { kind: "dns", value: readIa5(element.contents) };
    case URI:
      return { kind: "uri", value: readIa5(element.contents) };
    case IP_ADDRESS:
      return { kind: "ip", value: readIpAddress(element.contents) };
    default:
      return { kind: "other", tag: element.tag };
  }
}

function readIpAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  if (octets.length !== 16) {
    throw new DerError("structure", `Read iPAddress failed: got "${octets.length}" octets, wanted "4" or "16"`);
  }
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Array.from({ length: 8 }, (_, group) => view.getUint16(group * 2).toString(16)).join(":");
}
