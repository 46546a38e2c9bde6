/** Files on a file system that is really full: a small one, mounted where only a child of this test sees it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../testing.ts";

const MOUNT = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"';
const unshared = (...args: string[]) => spawnSync("unshare", ["--user", "--map-root-user", "--mount", ...args]);
const options = { skip: unshared("true").status === 0 ? false : "user namespaces are not allowed here" };

const SCRIPT = `
const [modules, folder] = process.argv.slice(1);
const { writeFileAtomic } = await import(modules + "/host/atomic-file.ts");
const { withLock } = await import(modules + "/host/workspace-lock.ts");
const { copyOnce } = await import(modules + "/vm/disks.ts");
const { readdirSync, writeFileSync } = await import("node:fs");
writeFileSync(folder + "/state.json", "old");
try { writeFileSync(folder + "/filler", new Uint8Array(1 << 20)); } catch {}
const results = [];
for (const work of [
  () => writeFileAtomic(folder + "/state.json", "new"),
  () => copyOnce(process.execPath, folder + "/variables.fd"),
  () => withLock(folder + "/lock", async () => undefined),
]) results.push(await work().then(() => "done", ({ code, message }) => code + " " + message));
console.log(JSON.stringify({ results, left: readdirSync(folder).sort() }));
`;

test("writeFileAtomic(), copyOnce() and withLock() name their file on a full file system", options, async (t) => {
  const folder = await temporaryFolder(t);
  const modules = join(import.meta.dirname, "..");
  const node = [process.execPath, "--input-type=module", "--eval", SCRIPT, modules, folder];
  const { stdout, stderr } = unshared("sh", "-c", MOUNT, folder, ...node);
  assert.notEqual(stdout.toString(), "", stderr.toString());
  const { results, left } = JSON.parse(stdout.toString()) as { results: string[]; left: string[] };
  const named = ["state.json", "variables.fd", "lock"].map(
    (name) => `no-space Write "${join(folder, name)}" failed: no space is left on its file system`,
  );
  assert.deepEqual(results, named);
  assert.deepEqual(left, ["filler", "state.json"]);
});
