import { type Field, isObject, type Reader, shown } from "@constellation/fields";

/** Values by register number, 0 to `max`, as an object with decimal keys. */
export function indexed<T>(max: number, item: Field<T>): Field<ReadonlyMap<number, T>> {
  return {
    read(reader: Reader, path: string, value: unknown) {
      if (!isObject(value)) {
        reader.add(path, shown(value), "an object");
        return new Map();
      }
      const entries = Object.entries(value).flatMap(([key, member]): [number, T][] => {
        const place = `${path}.${key}`;
        if (/^(?:0|[1-9]\d?)$/.test(key) && Number(key) <= max)
          return [[Number(key), item.read(reader, place, member)]];
        reader.add(place, "an unknown register", `only 0 to ${max}`);
        return [];
      });
      return new Map(entries.sort(([a], [b]) => a - b));
    },
    write: (value) => Object.fromEntries(Array.from(value, ([index, member]) => [index, item.write(member)])),
  };
}
