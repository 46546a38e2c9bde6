import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { exec } from "@constellation/exec";
import { findTool } from "@constellation/testkit/tool";
import { type FileSystem, makeFileSystem } from "./file-systems.ts";

const signal = new AbortController().signal;
const SIZE = 512 * 1024 * 1024;
const SUPERBLOCKS: Readonly<Record<FileSystem, { offset: number; magic: string }>> = {
  ext4: { offset: 1080, magic: "53ef" },
  xfs: { offset: 0, magic: "58465342" },
};

for (const [fileSystem, integrity] of [
  ["ext4", false],
  ["ext4", true],
  ["xfs", false],
] as const) {
  const { program, args } = makeFileSystem(fileSystem, { integrity });
  const tool = findTool(`usr/sbin/${program}`);
  const title = `${fileSystem}${integrity ? " with integrity" : ""}: the real program makes it, also over half of one`;
  test(title, { skip: tool === undefined ? `${program} is not installed` : false }, async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "csi-mkfs-"));
    context.after(() => rm(folder, { recursive: true }));
    const device = join(folder, "device");
    await writeFile(device, "");
    await truncate(device, SIZE);
    const { offset, magic } = SUPERBLOCKS[fileSystem];
    const command = { program: tool?.program ?? program, args: [...(tool?.args ?? []), ...args, device] };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await exec(command, signal);
      const dump = { program: "od", args: ["-An", "-tx1", `-j${offset}`, `-N${magic.length / 2}`, device] };
      assert.equal((await exec(dump, signal)).stdout.replaceAll(/\s/g, ""), magic);
    }
  });
}
