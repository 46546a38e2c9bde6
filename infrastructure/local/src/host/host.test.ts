import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readJson, writeFileAtomic } from "./atomic-file.ts";
import { endProcess, findByTag, identify, isAlive, parseStat, type ProcessIdentity } from "./process-identity.ts";
import { spawnDetached } from "./spawn-detached.ts";
import { withLock } from "./workspace-lock.ts";

const SLEEP = { program: "/bin/sleep", args: [] };

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "constellation-host-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function sleeper(t: TestContext, tag: string): Promise<ProcessIdentity> {
  const logPath = join(await folder(t), "log");
  const identity = await spawnDetached({ command: SLEEP, args: ["600"], tag, logPath });
  t.after(() => endProcess(identity));
  return identity;
}

function own(): ProcessIdentity {
  const identity = identify(process.pid);
  assert.ok(identity !== undefined);
  return identity;
}

test("parseStat() is not misled by a command name with spaces and parentheses", () => {
  const fields = ["S", ...Array.from({ length: 18 }, (_, i) => String(i)), "4711", "0"];
  assert.deepEqual(parseStat(`12 (a) b (c) ${fields.join(" ")}`), { state: "S", startTime: "4711" });
});

test("isAlive() knows a process by its start time and boot, not by its pid alone", () => {
  assert.equal(isAlive(own()), true);
  assert.equal(isAlive({ ...own(), startTime: "1" }), false);
  assert.equal(isAlive({ ...own(), bootId: "another boot" }), false);
});

test("identify() finds no process in a pid that is free or a zombie's", async () => {
  assert.equal(identify(4_194_305), undefined);
  const child = spawn("/bin/true");
  await once(child, "exit");
  assert.equal(identify(child.pid ?? 0), undefined);
});

test("endProcess() ends exactly the process and leaves a recycled pid alone", async (t) => {
  const [first, second] = [await sleeper(t, "test#end-1"), await sleeper(t, "test#end-2")];
  await endProcess({ ...second, startTime: "1" });
  assert.equal(isAlive(second), true);
  await endProcess(first);
  assert.deepEqual([isAlive(first), isAlive(second)], [false, true]);
});

test("endProcess() kills a process that ignores SIGTERM", async (t) => {
  const logPath = join(await folder(t), "log");
  const command = { program: "/bin/sh", args: [] };
  const script = 'trap "" TERM; echo ready; while :; do sleep 0.1; done';
  const identity = await spawnDetached({ command, args: ["-c", script], tag: "test#deaf", logPath });
  while (!(await readFile(logPath, "utf8")).includes("ready"));
  await endProcess(identity, 200);
  assert.equal(isAlive(identity), false);
});

test("findByTag() finds a detached process by its exact tag", async (t) => {
  const tag = `test#find-${process.pid}`;
  const identity = await sleeper(t, tag);
  assert.deepEqual(findByTag(tag), [identity]);
  assert.deepEqual(findByTag(tag.slice(0, -1)), []);
});

test("spawnDetached() names a program that can't be started", async (t) => {
  const logPath = join(await folder(t), "log");
  const command = { program: "/nonexistent/program", args: [] };
  await assert.rejects(spawnDetached({ command, args: [], tag: "test#none", logPath }), { code: "process-died" });
});

test("writeFileAtomic() replaces whole files, private ones, and leaves nothing else behind", async (t) => {
  const path = await folder(t);
  await writeFileAtomic(join(path, "f"), "one");
  await writeFileAtomic(join(path, "f"), "two");
  assert.equal(await readFile(join(path, "f"), "utf8"), "two");
  assert.deepEqual(await readdir(path), ["f"]);
  assert.equal((await stat(join(path, "f"))).mode & 0o777, 0o600);
  await assert.rejects(writeFileAtomic(join(path, "none/f"), "x"), { code: "ENOENT" });
});

test("readJson() tells an absent file from a broken one", async (t) => {
  const path = join(await folder(t), "f");
  assert.equal(await readJson(path), undefined);
  await writeFile(path, '{"cut": ');
  await assert.rejects(readJson(path), { code: "state-corrupt" });
});

test("withLock() keeps a second holder out, also within a process, and is free afterwards", async (t) => {
  const path = join(await folder(t), "lock");
  await withLock(path, async () => {
    await assert.rejects(
      withLock(path, async () => "never"),
      { code: "workspace-busy", hint: /wait/ },
    );
  });
  assert.equal(await withLock(path, async () => "again"), "again");
  await assert.rejects(
    withLock(path, () => Promise.reject(new Error("work failed"))),
    /work failed/,
  );
  assert.deepEqual(await readdir(join(path, "..")), []);
});

test("withLock() takes over the lock of a dead process and one that was cut off while written", async (t) => {
  const path = join(await folder(t), "lock");
  for (const left of [JSON.stringify({ ...own(), startTime: "1" }), "", '{"pid":']) {
    await writeFile(path, left);
    assert.equal(await withLock(path, async () => "mine"), "mine");
  }
  assert.deepEqual(await readdir(join(path, "..")), []);
});
