import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { S3Error, s3Errors } from "../http/s3-error.ts";
import { type Checksum, crc32cChecksum, crc32Checksum, crc64NvmeChecksum } from "./crc.ts";

/** Checksums that S3 knows, by the names of their headers. */
const ALGORITHMS: Readonly<Record<string, () => Checksum>> = {
  "x-amz-checksum-crc32": crc32Checksum,
  "x-amz-checksum-crc32c": crc32cChecksum,
  "x-amz-checksum-crc64nvme": crc64NvmeChecksum,
  "x-amz-checksum-sha1": () => hashChecksum("sha1"),
  "x-amz-checksum-sha256": () => hashChecksum("sha256"),
};

/** What a body is compared with. */
export interface ChecksumClaim {
  readonly header: string;
  /** Base64; undefined until the trailer came. */
  readonly value: string | undefined;
}

/**
 * Reads which checksum the body has, in its headers or (by `x-amz-trailer`) after it.
 * @throws S3Error for more than one, and for unknown ones: what can't be checked is refused
 */
export function checksumClaim(headers: IncomingHttpHeaders): ChecksumClaim | undefined {
  const given = Object.keys(headers).filter(isChecksumHeader);
  const trailer = headers["x-amz-trailer"]?.toString().trim().toLowerCase();
  const names = trailer === undefined ? given : [...given, trailer];
  if (names.length === 0) return undefined;
  const [header = ""] = names;
  if (names.length > 1) throw s3Errors.invalidRequest("Expecting a single x-amz-checksum- header");
  if (!Object.hasOwn(ALGORITHMS, header)) throw s3Errors.notImplemented(`Checksum ${header.slice(0, 64)}`);
  return { header, value: headers[header]?.toString() };
}

/** Whether a header holds a checksum of the body (others only speak about checksums). */
export function isChecksumHeader(name: string): boolean {
  const prefix = "x-amz-checksum-";
  return name.startsWith(prefix) && !["algorithm", "mode", "type"].includes(name.slice(prefix.length));
}

/** A checksum of the kind that a header has. */
export function checksumOf(header: string): Checksum {
  return ALGORITHMS[header]!();
}

/** @throws S3Error `BadDigest` */
export function requireChecksum(header: string, got: Buffer, wanted: string | undefined): void {
  if (wanted === got.toString("base64")) return;
  const algorithm = header.slice("x-amz-checksum-".length).toUpperCase();
  throw new S3Error(400, "BadDigest", `The ${algorithm} you specified did not match the calculated checksum`);
}

function hashChecksum(name: "sha1" | "sha256"): Checksum {
  const hash = createHash(name);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}
