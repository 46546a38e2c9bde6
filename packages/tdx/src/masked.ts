import { equalConstantTime } from "@constellation/bytes";

/** Whether a value, where the mask has ones, is the wanted one. All of one size. */
export function equalUnderMask(value: Uint8Array, mask: Uint8Array, wanted: Uint8Array): boolean {
  return equalConstantTime(
    value.map((byte, index) => byte & (mask[index] as number)),
    wanted,
  );
}
