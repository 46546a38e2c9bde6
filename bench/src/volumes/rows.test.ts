import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "./rows.ts";

const transfers = (factor: number) => ({
  writeMs: [640 * factor, 9_000, 320 * factor],
  readMs: [64 * factor, 64 * factor, 64 * factor],
  randomReadMs: [1024 * factor, 1024 * factor, 1024 * factor],
});

test("rowsOf() prints medians, ratios to plain and the long parts, and names the machine", () => {
  const rows = rowsOf({
    cpu: { model: "QEMU TCG CPU", aes: false },
    drivers: { "xts(aes)": "xts(ecb(aes-generic))" },
    firstUses: [
      { kind: "plain", gibibytes: 1, rounds: [{ totalMs: 500, partsMs: { "mkfs.ext4": 400, mount: 10 } }] },
      {
        kind: "encrypted",
        gibibytes: 1,
        rounds: [
          { totalMs: 2_000, partsMs: { luksFormat: 700, mount: 20 } },
          { totalMs: 1_000, partsMs: { luksFormat: 600, mount: 20 } },
          { totalMs: 9_000, partsMs: { luksFormat: 800, mount: 20 } },
        ],
      },
      { kind: "encrypted", gibibytes: 100, rounds: [{ totalMs: 2_200, partsMs: {} }] },
    ],
    sizes: { sequentialBytes: 2 ** 26, blockBytes: 2 ** 20, randomReads: 2048, randomReadBytes: 4096 },
    transfers: { plain: transfers(1), encrypted: transfers(4), integrity: transfers(10) },
  });
  const note = "(emulated machine, no AES instructions)";
  assert.deepEqual(rows.slice(0, 4), [
    {
      what: "volumes: processor of the machine",
      figure: "QEMU TCG CPU, without AES instructions; xts(aes) by xts(ecb(aes-generic))",
    },
    {
      what: `first use of 1 GiB, plain loop device: mkfs.ext4, mount ${note}`,
      figure: "0.50 s (median of 1, 0.50 s to 0.50 s; mkfs.ext4 0.40 s)",
    },
    {
      what: `first use of 1 GiB, encrypted-rwo: LUKS2 format, open, mkfs.ext4, mount ${note}`,
      figure: "2.00 s, 4.00 times plain (median of 3, 1.00 s to 9.00 s; luksFormat 0.70 s)",
    },
    {
      what: `first use of 100 GiB, encrypted-rwo: LUKS2 format, open, mkfs.ext4, mount ${note}`,
      figure: "2.20 s, 1.10 times 1 GiB (median of 1, 2.20 s to 2.20 s)",
    },
  ]);
  assert.equal(rows.length, 4 + 9);
  assert.deepEqual(rows[4], {
    what: `write 64 MiB in blocks of 1 MiB, direct, plain loop device ${note}`,
    figure: "104.9 MB/s",
  });
  assert.equal(rows[5]?.figure, "26.2 MB/s, ratio to plain 0.250");
  assert.deepEqual(rows.at(-1), {
    what: `2048 random reads of 4 KiB, direct, integrity-encrypted-rwo ${note}`,
    figure: "0.8 MB/s, 200 per second, ratio to plain 0.100",
  });
});
