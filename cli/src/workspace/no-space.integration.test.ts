/** A workspace on a file system that is really full: a small one, mounted where only a child of this test sees it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const MOUNT = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"';
const unshared = (...args: string[]) => spawnSync("unshare", ["--user", "--map-root-user", "--mount", ...args]);
const options = { skip: unshared("true").status === 0 ? false : "user namespaces are not allowed here" };

const SCRIPT = `
const [modules, folder] = process.argv.slice(1);
const { Workspace } = await import(modules + "/workspace.ts");
const { readdirSync, readFileSync, writeFileSync } = await import("node:fs");
writeFileSync(folder + "/constellation-conf.yaml", "old");
try { writeFileSync(folder + "/filler", new Uint8Array(1 << 20)); } catch {}
const workspace = new Workspace(folder, "w");
const results = [];
for (const work of [
  () => workspace.replaceConfig("new"),
  () => workspace.writeAdminConf("new"),
  () => workspace.exclusively(async () => undefined),
]) results.push(await work().then(() => "done", ({ code, message }) => code + " " + message));
const config = readFileSync(folder + "/constellation-conf.yaml", "utf8");
console.log(JSON.stringify({ results, config, left: readdirSync(folder).sort() }));
`;

test(
  "Workspace names the file that it can't write on a full file system, and leaves the old one",
  options,
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "constellation-full-"));
    t.after(() => rm(folder, { recursive: true }));
    const node = [process.execPath, "--input-type=module", "--eval", SCRIPT, import.meta.dirname, folder];
    const { stdout, stderr } = unshared("sh", "-c", MOUNT, folder, ...node);
    assert.notEqual(stdout.toString(), "", stderr.toString());
    const { results, config, left } = JSON.parse(stdout.toString()) as {
      results: string[];
      config: string;
      left: string[];
    };
    const named = ["constellation-conf.yaml", "constellation-admin.conf", "constellation.lock"].map(
      (name) => `no-space Write ${join(folder, name)} failed: no space is left on its file system`,
    );
    assert.deepEqual(results, named);
    assert.equal(config, "old");
    assert.deepEqual(left, ["constellation-conf.yaml", "filler"]);
  },
);
