import { fromHex, hex } from "@constellation/bytes";

/** A GUID as firmware stores it (UEFI 2.10 appendix A), in hexadecimal: the first three groups are little-endian. */
export function guidHex(text: string): string {
  const [first = "", second = "", third = "", ...others] = text.split("-");
  const swapped = [first, second, third].map((group) => hex(fromHex(group).reverse()));
  return [...swapped, ...others].join("");
}
