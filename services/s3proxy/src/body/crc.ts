import { crc32 } from "node:zlib";

/** A checksum that is fed piece by piece. */
export interface Checksum {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

/** CRC-32 of zlib and Ethernet. */
export function crc32Checksum(): Checksum {
  let value = 0;
  return {
    update: (bytes) => {
      value = crc32(bytes, value);
    },
    digest: () => uint32(value),
  };
}

// Castagnoli's polynomial, reflected (RFC 3720 section 12.1).
const CRC32C_TABLES = tables32(0x82f63b78);

/** CRC-32C. */
export function crc32cChecksum(): Checksum {
  const [t0, t1, t2, t3] = CRC32C_TABLES;
  let crc = 0xffffffff | 0;
  return {
    update(bytes) {
      let c = crc;
      let at = 0;
      for (const end = bytes.length - 3; at < end; at += 4) {
        c ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        c = t3[c & 0xff]! ^ t2[(c >>> 8) & 0xff]! ^ t1[(c >>> 16) & 0xff]! ^ t0[c >>> 24]!;
      }
      for (; at < bytes.length; at += 1) c = t0[(c ^ bytes[at]!) & 0xff]! ^ (c >>> 8);
      crc = c;
    },
    digest: () => uint32(~crc >>> 0),
  };
}

// The polynomial of CRC-64/NVME, reflected (NVM Command Set specification, section 5.2.1.3.4), as two halves: numbers
// are quicker than BigInt.
const NVME_HIGH = 0x9a6c9329;
const NVME_LOW = 0xac4bc9b5;
const CRC64_TABLES = tables64();

/** CRC-64/NVME. */
export function crc64NvmeChecksum(): Checksum {
  const tables = CRC64_TABLES;
  let high = -1;
  let low = -1;
  return {
    update(bytes) {
      let [h, l] = [high, low];
      let at = 0;
      for (const end = bytes.length - 7; at < end; at += 8) {
        l ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        h ^= bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24);
        // Table k holds the effect of a byte that k more bytes follow; two words per entry.
        const a = ((l & 0xff) << 1) + 3_584;
        const b = (((l >>> 8) & 0xff) << 1) + 3_072;
        const c = (((l >>> 16) & 0xff) << 1) + 2_560;
        const d = ((l >>> 24) << 1) + 2_048;
        const e = ((h & 0xff) << 1) + 1_536;
        const f = (((h >>> 8) & 0xff) << 1) + 1_024;
        const g = (((h >>> 16) & 0xff) << 1) + 512;
        const i = (h >>> 24) << 1;
        h = tables[a]! ^ tables[b]! ^ tables[c]! ^ tables[d]! ^ tables[e]! ^ tables[f]! ^ tables[g]! ^ tables[i]!;
        l =
          tables[a + 1]! ^
          tables[b + 1]! ^
          tables[c + 1]! ^
          tables[d + 1]! ^
          tables[e + 1]! ^
          tables[f + 1]! ^
          tables[g + 1]! ^
          tables[i + 1]!;
      }
      for (; at < bytes.length; at += 1) {
        const entry = ((l ^ bytes[at]!) & 0xff) << 1;
        l = tables[entry + 1]! ^ ((l >>> 8) | (h << 24));
        h = tables[entry]! ^ (h >>> 8);
      }
      [high, low] = [h, l];
    },
    digest: () => Buffer.concat([uint32(~high >>> 0), uint32(~low >>> 0)]),
  };
}

function tables32(polynomial: number): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
  const after = (table: Int32Array): Int32Array => table.map((crc) => first[crc & 0xff]! ^ (crc >>> 8));
  const [second, third] = [after(first), after(after(first))];
  return [first, second, third, after(third)];
}

function tables64(): Int32Array {
  const tables = new Int32Array(8 * 512);
  for (let byte = 0; byte < 256; byte += 1) {
    let [high, low] = [0, byte];
    for (let bit = 0; bit < 8; bit += 1) {
      const odd = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (odd) [high, low] = [high ^ NVME_HIGH, low ^ NVME_LOW];
    }
    tables.set([high, low], byte * 2);
  }
  for (let at = 512; at < tables.length; at += 2) {
    const [high, low] = [tables[at - 512]!, tables[at - 511]!];
    const entry = (low & 0xff) * 2;
    tables.set([tables[entry]! ^ (high >>> 8), tables[entry + 1]! ^ ((low >>> 8) | (high << 24))], at);
  }
  return tables;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
