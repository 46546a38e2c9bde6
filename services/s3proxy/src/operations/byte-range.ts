import type { ByteRange } from "../format/layout.ts";
import { S3Error } from "../http/s3-error.ts";

/**
 * Parses a Range header (RFC 9110 section 14.1.2) for an object of so many bytes. Undefined where S3 gives the whole
 * object: for other units, several ranges, and what is no range.
 * @throws S3Error `InvalidRange`
 */
export function parseByteRange(text: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return satisfied({ start: Math.max(sizeBytes - Number(last), 0), end: sizeBytes - 1 }, sizeBytes);
  const start = Number(first);
  const end = last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return satisfied({ start, end }, sizeBytes);
}

/** `bytes <start>-<end>/<size>`. */
export function contentRange({ start, end }: ByteRange, sizeBytes: number): string {
  return `bytes ${start}-${end}/${sizeBytes}`;
}

function satisfied(range: ByteRange, sizeBytes: number): ByteRange {
  if (range.start < sizeBytes && range.start <= range.end) return range;
  const headers = { "content-range": `bytes */${sizeBytes}` };
  throw new S3Error(416, "InvalidRange", "The requested range is not satisfiable", { headers });
}
