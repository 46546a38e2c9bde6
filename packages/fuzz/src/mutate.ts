import { concat } from "@constellation/bytes";
import type { Random } from "./random.ts";

/** What mutations take material from. */
export interface MutationSource {
  readonly random: Random;
  /** Byte sequences that mean something to the code under test. */
  readonly dictionary: readonly Uint8Array[];
  /** Other inputs, to splice with. */
  readonly others: readonly Uint8Array[];
  readonly maxBytes: number;
}

type Mutation = (bytes: Uint8Array, source: MutationSource) => Uint8Array;

const MAX_STACKED = 5;
const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  addToNumber,
  addToNumber,
  setNumber,
  remove,
  remove,
  duplicate,
  copyWithin,
  insertRandom,
  insertWord,
  overwriteWithWord,
  splice,
  changeDigit,
  truncate,
];

/** Changes an input in one to some places; gives a copy. */
export function mutate(bytes: Uint8Array, source: MutationSource): Uint8Array {
  const { random, maxBytes } = source;
  let mutated: Uint8Array = Uint8Array.from(bytes);
  // Most often one change alone: most formats have been left after a few.
  const times = random.below(2) === 0 ? 1 : 1 + random.below(MAX_STACKED);
  for (let i = 0; i < times; i++) mutated = random.pick(MUTATIONS)(mutated, source);
  return mutated.length > maxBytes ? mutated.slice(0, maxBytes) : mutated;
}

function flipBit(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = random.below(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  return bytes;
}

const SPECIAL_BYTES = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x31, 0x22, 0x2c, 0x7b, 0x7d, 0x5b, 0x5d];

function setByte(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  if (bytes.length === 0) return bytes;
  bytes[random.below(bytes.length)] = random.below(2) === 0 ? random.pick(SPECIAL_BYTES) : random.below(256);
  return bytes;
}

const WIDTHS = [1, 2, 4] as const;
type Width = (typeof WIDTHS)[number];

function addToNumber(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const delta = (1 + random.below(16)) * (random.below(2) === 0 ? 1 : -1);
  return changeNumber(bytes, random, (value) => value + delta);
}

/** Values at which sizes and offsets go over. */
const SPECIAL_NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000];

function setNumber(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const fromEnd = bytes.length - random.below(16);
  const value = random.pick([...SPECIAL_NUMBERS, 0xffff_ffff, bytes.length, fromEnd]);
  return changeNumber(bytes, random, () => value);
}

function changeNumber(bytes: Uint8Array, random: Random, change: (value: number) => number): Uint8Array {
  const width: Width = random.pick(WIDTHS);
  if (bytes.length < width) return bytes;
  const at = random.below(bytes.length - width + 1);
  const little = random.below(2) === 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (width === 1) view.setUint8(at, change(view.getUint8(at)));
  else if (width === 2) view.setUint16(at, change(view.getUint16(at, little)), little);
  else view.setUint32(at, change(view.getUint32(at, little)), little);
  return bytes;
}

/** A range within the input, short ones most often. */
function range(bytes: Uint8Array, random: Random): { start: number; end: number } {
  const start = random.below(bytes.length + 1);
  const longest = random.below(4) === 0 ? bytes.length : 8;
  return { start, end: Math.min(bytes.length, start + 1 + random.below(longest + 1)) };
}

function remove(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const { start, end } = range(bytes, random);
  return concat(bytes.subarray(0, start), bytes.subarray(end));
}

function duplicate(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const { start, end } = range(bytes, random);
  return concat(bytes.subarray(0, end), bytes.subarray(start));
}

function copyWithin(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const { start, end } = range(bytes, random);
  return bytes.copyWithin(random.below(bytes.length + 1), start, end);
}

function insertRandom(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const inserted = Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256));
  return insert(bytes, random.below(bytes.length + 1), inserted);
}

function insertWord(bytes: Uint8Array, { random, dictionary }: MutationSource): Uint8Array {
  if (dictionary.length === 0) return bytes;
  return insert(bytes, random.below(bytes.length + 1), random.pick(dictionary));
}

function insert(bytes: Uint8Array, at: number, inserted: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, at), inserted, bytes.subarray(at));
}

function overwriteWithWord(bytes: Uint8Array, { random, dictionary }: MutationSource): Uint8Array {
  if (dictionary.length === 0) return bytes;
  const word = random.pick(dictionary);
  if (word.length <= bytes.length) bytes.set(word, random.below(bytes.length - word.length + 1));
  return bytes;
}

/** The start of one input and the end of another, or a part of the other in place of a part of this. */
function splice(bytes: Uint8Array, { random, others }: MutationSource): Uint8Array {
  if (others.length === 0) return bytes;
  const other = random.pick(others);
  const mine = range(bytes, random);
  const theirs = range(other, random);
  if (random.below(2) === 0) return concat(bytes.subarray(0, mine.start), other.subarray(mine.start));
  return concat(bytes.subarray(0, mine.start), other.subarray(theirs.start, theirs.end), bytes.subarray(mine.end));
}

const ZERO = 0x30;

/** Another decimal digit, for formats that are text. */
function changeDigit(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  const start = random.below(bytes.length + 1);
  const at = bytes.subarray(start).findIndex((byte) => byte >= ZERO && byte < ZERO + 10);
  if (at >= 0) bytes[start + at] = ZERO + random.below(10);
  return bytes;
}

function truncate(bytes: Uint8Array, { random }: MutationSource): Uint8Array {
  return random.below(4) === 0 ? bytes.slice(0, random.below(bytes.length + 1)) : bytes;
}
