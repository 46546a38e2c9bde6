import type { Field } from "@constellation/fields";

/** Hexadecimal of either case, where cases are written by others; documents of our own have the lower one alone. */
export function anyCase(field: Field<Uint8Array>): Field<Uint8Array> {
  return {
    ...field,
    read: (reader, path, value) => field.read(reader, path, typeof value === "string" ? value.toLowerCase() : value),
  };
}
