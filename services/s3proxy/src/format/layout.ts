import type { ByteReader } from "./byte-reader.ts";
import { FormatError } from "./error.ts";
import { singleKey } from "./keys.ts";
import type { Manifest, ManifestPart } from "./manifest.ts";
import type { SingleObject } from "./object-header.ts";
import { FORMAT_VERSION, KIND } from "./object-header.ts";
import { parsePartHeader, type PartIdentity, partHeader, partSegment } from "./part.ts";
import { openChunks, type Segment } from "./segment.ts";
import { CHUNK_BYTES, PART_HEADER_BYTES, sealedLength, sealedPartLength, SEALED_CHUNK_BYTES } from "./sizes.ts";

/** A segment where it is stored. */
export interface PlacedSegment {
  /** Where its header begins, or its chunks if it has none. */
  readonly offset: number;
  readonly headerBytes: number;
  readonly plainStart: number;
  readonly plainBytes: number;
  /**
   * Gives the segment.
   * @param header as it was read; undefined if reading began behind it
   */
  open(header: Buffer | undefined): Promise<Segment>;
  /** Whether it can be opened without its header. */
  readonly headerKnown: boolean;
}

/** Where the plaintext of an object is. */
export interface Layout {
  readonly plainBytes: number;
  readonly sealedBytes: number;
  readonly segments: readonly PlacedSegment[];
}

/** Bytes `start` to `end`, both included, as HTTP counts them. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What a piece of plaintext needs: what to get from the store, and how to open it. */
export interface RangePlan {
  readonly stored: ByteRange;
  /** @param reader stands at the first byte of `stored`; it is closed at the end */
  open(reader: ByteReader): AsyncGenerator<Buffer>;
}

/** The layout of an object that was put in one request. @throws FormatError `size_impossible` */
export function singleLayout(object: SingleObject, sealedBytes: number): Layout {
  const { plainBytes } = object;
  if (sealedLength(plainBytes) !== sealedBytes) {
    const wanted = sealedLength(plainBytes);
    throw new FormatError("size_impossible", `Open object failed: got ${sealedBytes} stored bytes, wanted ${wanted}`);
  }
  const segment = singleSegment(object);
  const open = async (): Promise<Segment> => segment;
  const placed = { offset: 0, headerBytes: 0, plainStart: 0, plainBytes, open, headerKnown: true };
  return { plainBytes, sealedBytes, segments: [placed] };
}

/** The only segment of an object that was put in one request. */
export function singleSegment({ objectId, objectKey, plainBytes }: SingleObject): Segment {
  const associatedData = Buffer.concat([Buffer.from([FORMAT_VERSION, KIND.single]), objectId]);
  return { key: singleKey(objectKey, objectId), associatedData, plainBytes };
}

/** The layout of a multipart object, from its manifest. */
export function multipartLayout(manifest: Manifest, sealedBytes: number): Layout {
  let offset = manifest.leaderBytes;
  let plainStart = 0;
  const segments = manifest.parts.map((part): PlacedSegment => {
    const placed = placePart(manifest, part, offset, plainStart);
    offset += sealedPartLength(part.plainBytes);
    plainStart += part.plainBytes;
    return placed;
  });
  return { plainBytes: manifest.plainBytes, sealedBytes, segments };
}

/**
 * Plans the reading of a range that lies in the object; an empty object has the range 0 to -1.
 * @param firstHeader what `headerNeeded` asked for
 */
export function planRange(layout: Layout, range: ByteRange, firstHeader?: Buffer): RangePlan {
  const reads = readsOf(layout, range);
  const [first, last] = [reads[0]!, reads.at(-1)!];
  const stored = { start: startOf(first), end: endOf(last) };
  return { stored, open: (reader) => openReads(reader, reads, firstHeader) };
}

/** The header that must be read before a range can be planned; undefined nearly always. */
export function headerNeeded(layout: Layout, range: ByteRange): ByteRange | undefined {
  const { segment, withHeader } = readsOf(layout, range)[0]!;
  if (withHeader || segment.headerKnown) return undefined;
  return { start: segment.offset, end: segment.offset + segment.headerBytes - 1 };
}

/** Chunks of a segment, and the bytes of them that are wanted. */
interface SegmentRead {
  readonly segment: PlacedSegment;
  readonly withHeader: boolean;
  readonly firstChunk: number;
  readonly lastChunk: number;
  /** Range within the segment's plaintext. */
  readonly range: ByteRange;
}

function readsOf(layout: Layout, { start, end }: ByteRange): SegmentRead[] {
  const touched = layout.segments.filter(({ plainStart, plainBytes }) =>
    // All of an object: empty parts, too, so that all is checked.
    start === 0 && end === layout.plainBytes - 1 ? true : plainStart <= end && plainStart + plainBytes > start,
  );
  return touched.map((segment, index) => {
    const last = segment.plainBytes - 1;
    const range = {
      start: Math.max(start - segment.plainStart, 0),
      end: Math.min(end - segment.plainStart, last),
    };
    const firstChunk = Math.floor(range.start / CHUNK_BYTES);
    const lastChunk = Math.max(0, Math.floor(range.end / CHUNK_BYTES));
    // Reading starts at the chunk, not the header, only where the first segment is entered behind its beginning.
    const withHeader = segment.headerBytes > 0 && (index > 0 || firstChunk === 0);
    return { segment, withHeader, firstChunk, lastChunk, range };
  });
}

function startOf({ segment, withHeader, firstChunk }: SegmentRead): number {
  return segment.offset + (withHeader ? 0 : segment.headerBytes + firstChunk * SEALED_CHUNK_BYTES);
}

function endOf({ segment, lastChunk }: SegmentRead): number {
  const afterChunks = Math.min((lastChunk + 1) * SEALED_CHUNK_BYTES, sealedLength(segment.plainBytes));
  return segment.offset + segment.headerBytes + afterChunks - 1;
}

async function* openReads(
  reader: ByteReader,
  reads: readonly SegmentRead[],
  firstHeader: Buffer | undefined,
): AsyncGenerator<Buffer> {
  try {
    for (const read of reads) {
      const header = read.withHeader ? await reader.read(read.segment.headerBytes) : firstHeader;
      const segment = await read.segment.open(header);
      let at = read.firstChunk * CHUNK_BYTES;
      for await (const chunk of openChunks(reader, segment, read.firstChunk, read.lastChunk)) {
        const wanted = chunk.subarray(Math.max(read.range.start - at, 0), read.range.end - at + 1);
        at += chunk.length;
        if (wanted.length > 0) yield wanted;
      }
    }
  } finally {
    await reader.close();
  }
}

function placePart(manifest: Manifest, part: ManifestPart, offset: number, plainStart: number): PlacedSegment {
  const { partNumber, plainBytes, identity } = part;
  return {
    offset,
    headerBytes: PART_HEADER_BYTES,
    plainStart,
    plainBytes,
    headerKnown: identity !== undefined,
    async open(header) {
      const found = identityOf(part, header);
      return partSegment(await manifest.keyOf(found.kekGeneration), found, partNumber, plainBytes);
    },
  };
}

/** Which upload of a part is to be read. A header that is not the manifest's is of another upload of it. */
function identityOf({ partNumber, identity }: ManifestPart, header: Buffer | undefined): PartIdentity {
  if (header === undefined) {
    if (identity !== undefined) return identity;
    throw new FormatError("part_mismatch", `Open part ${partNumber} failed: got no header, wanted one`);
  }
  if (identity !== undefined && !header.equals(partHeader(identity))) {
    throw new FormatError("part_mismatch", `Open part ${partNumber} failed: got another upload of it`);
  }
  return parsePartHeader(header);
}
