import { utf8 } from "@constellation/bytes";

const TWO_BYTES = 0x10000;

/** The literals of the code under test as they would stand in an input: texts, and numbers of both byte orders. */
export function dictionaryOf(texts: Iterable<string>, numbers: Iterable<number>): Uint8Array[] {
  const words = [...Array.from(texts, utf8), ...Array.from(numbers, encodings).flat()];
  const byText = new Map(words.map((word) => [word.join(), word]));
  return [...byText.values()];
}

function encodings(value: number): Uint8Array[] {
  if (value > 0xffff_ffff) return [];
  const width = value < TWO_BYTES ? 2 : 4;
  const little = Uint8Array.from({ length: width }, (_, i) => value >>> (8 * i));
  return [little, little.toReversed()];
}
