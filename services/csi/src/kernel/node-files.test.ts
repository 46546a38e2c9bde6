import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { nodeFiles } from "./node-files.ts";

describe("nodeFiles", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "constellation-files-"));
  });
  after(() => rm(folder, { recursive: true }));

  test("writes a private file with zeros to its size, and tells blank from not", async () => {
    const path = join(folder, "in/memory");
    await nodeFiles.writePrivate(path, Uint8Array.of(1, 2, 3), 3_000_000);
    assert.deepEqual([(await stat(path)).size, (await stat(path)).mode & 0o777], [3_000_000, 0o600]);
    assert.equal(await nodeFiles.isBlank(path, 3, 2_999_997), true);
    await nodeFiles.write(path, 2_500_000, Uint8Array.of(9));
    assert.equal(await nodeFiles.isBlank(path, 3, 2_999_997), false);
    assert.deepEqual(await nodeFiles.read(path, 1, 2), Uint8Array.of(2, 3));
  });

  test("finds a device that is too short no blank one", async () => {
    const path = join(folder, "short");
    await nodeFiles.writePrivate(path, new Uint8Array(), 100);
    await assert.rejects(nodeFiles.isBlank(path, 0, 200), /wanted 200/);
    await assert.rejects(nodeFiles.read(path, 0, 200), /wanted 200/);
  });

  test("makes, tells and removes files and folders, also those that are not there", async () => {
    const [file, directory] = [join(folder, "a/file"), join(folder, "b/c")];
    await nodeFiles.makeFile(file);
    await nodeFiles.makeFile(file);
    await nodeFiles.makeDirectory(directory);
    assert.deepEqual(
      [await nodeFiles.status(file), await nodeFiles.status(directory)],
      [{ kind: "file" }, { kind: "directory" }],
    );
    for (const path of [file, directory, file]) await nodeFiles.remove(path);
    assert.equal(await nodeFiles.status(file), undefined);
    assert.deepEqual(await nodeFiles.list(directory), []);
  });

  test("tells the use of a file system", async () => {
    const { bytes, inodes } = await nodeFiles.use(folder);
    assert.ok(bytes.total >= bytes.used && bytes.total > 0n && inodes.total >= inodes.used);
  });
});
