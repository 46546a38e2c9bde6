/** What `terminateLocal` makes of workspaces whose files somebody deleted or damaged; real clusters are elsewhere. */
import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { endProcess, isAlive, type ProcessIdentity } from "../host/process-identity.ts";
import { spawnDetached } from "../host/spawn-detached.ts";
import { temporaryFolder } from "../testing.ts";
import { chooseRunFolder, folderIdentity, makeRunFolder, workspacePaths } from "./paths.ts";
import type { LocalState, NodeState } from "./state.ts";
import { processTag } from "./tags.ts";
import { countProcesses, terminateLocal } from "./terminate.ts";

interface Cluster {
  workspace: string;
  processes: ProcessIdentity[];
  /** A process of another workspace. */
  bystander: ProcessIdentity;
}

/** A workspace with the processes, files and sockets that a cluster of one node has; the processes only sleep. */
async function cluster(t: TestContext): Promise<Cluster> {
  const workspace = await temporaryFolder(t);
  const runFolder = await chooseRunFolder(workspace);
  await makeRunFolder(runFolder);
  t.after(() => rm(runFolder, { recursive: true, force: true }));
  const start = async (purpose: string, folder = runFolder) => {
    const command = { program: "/bin/sleep", args: ["600"] };
    const logPath = join(workspace, "log");
    const identity = await spawnDetached({ command, args: [], tag: processTag(folder, purpose), logPath });
    t.after(() => endProcess(identity));
    return identity;
  };
  const [netd, gateway] = [await start("netd"), await start("gateway")];
  const [swtpm, qemu] = [await start("swtpm/worker-0"), await start("qemu/worker-0")];
  const node: NodeState = {
    name: "worker-0",
    role: "worker",
    index: 0,
    phase: "ready",
    wanted: "running",
    record: null,
    swtpm,
    qemu,
  };
  const paths = workspacePaths(workspace);
  await mkdir(join(paths.root, "nodes/worker-0"), { recursive: true });
  const root = await folderIdentity(paths.root);
  const base = { version: 1, phase: "present", spec: {}, accelerator: "tcg" };
  const state = { ...base, runFolder, root, netd, gateway, nodes: [node] };
  await writeFile(paths.state, JSON.stringify(state as unknown as LocalState));
  // Its run folder begins with the same characters: it must not be taken for one of ours.
  return { workspace, processes: [netd, gateway, swtpm, qemu], bystander: await start("netd", `${runFolder}0`) };
}

async function replaceByFile(path: string): Promise<void> {
  await rm(path, { recursive: true });
  await writeFile(path, "");
}

async function replaceByFolder(path: string): Promise<void> {
  await rm(path);
  await mkdir(path);
}

const truncate = (path: string) => writeFile(path, '{"version": 1, "phase": "pre');
const DAMAGES: readonly [string, (workspace: string) => Promise<unknown>][] = [
  ["nothing", async () => undefined],
  ["its nodes' folders", (workspace) => rm(join(workspacePaths(workspace).root, "nodes"), { recursive: true })],
  ["its state", (workspace) => rm(workspacePaths(workspace).state)],
  ["the end of its state", (workspace) => truncate(workspacePaths(workspace).state)],
  ["all but the version of its state", (workspace) => writeFile(workspacePaths(workspace).state, '{"version":1}')],
  ["its state to a folder", (workspace) => replaceByFolder(workspacePaths(workspace).state)],
  ["its files to a file", (workspace) => replaceByFile(workspacePaths(workspace).root)],
  ["all its files", (workspace) => rm(workspacePaths(workspace).root, { recursive: true })],
  ["its folder", (workspace) => rm(workspace, { recursive: true })],
];

for (const [what, damage] of DAMAGES) {
  test(`terminateLocal() ends exactly its own processes of a workspace that lost ${what}`, async (t) => {
    const { workspace, processes, bystander } = await cluster(t);
    await damage(workspace);
    assert.equal(await countProcesses(workspace), 4);
    assert.deepEqual(await terminateLocal(workspace), { endedProcesses: 4 });
    assert.deepEqual(processes.filter(isAlive), []);
    assert.equal(isAlive(bystander), true);
    const left = await readdir(workspace).catch(() => []);
    assert.deepEqual(
      left.filter((name) => name !== "log" && !what.endsWith("to a file")),
      [],
    );
    await assert.rejects(readdir(await chooseRunFolder(workspace)), { code: "ENOENT" });
    assert.deepEqual([await countProcesses(workspace), await terminateLocal(workspace)], [0, { endedProcesses: 0 }]);
  });
}

test("terminateLocal() finds its processes by a link to where a deleted workspace was", async (t) => {
  const { workspace, processes } = await cluster(t);
  const link = join(await temporaryFolder(t), "link");
  await symlink(dirname(workspace), link);
  await rm(workspace, { recursive: true });
  assert.deepEqual(await terminateLocal(join(link, basename(workspace))), { endedProcesses: 4 });
  assert.deepEqual(processes.filter(isAlive), []);
});

test("terminateLocal() ends the processes of a workspace that was moved", async (t) => {
  const { workspace, processes, bystander } = await cluster(t);
  const runFolder = await chooseRunFolder(workspace);
  const moved = join(await temporaryFolder(t), "moved");
  await rename(workspace, moved);
  assert.deepEqual([await countProcesses(moved), await terminateLocal(moved)], [4, { endedProcesses: 4 }]);
  assert.deepEqual([processes.filter(isAlive), isAlive(bystander)], [[], true]);
  await assert.rejects(readdir(runFolder), { code: "ENOENT" });
});

for (const [what, change] of [
  ["a copied workspace", () => undefined],
  ["a copied workspace of an older version", (state: Partial<LocalState>) => delete state.root],
] as const) {
  test(`terminateLocal() in ${what} removes the copy's files and leaves the original alone`, async (t) => {
    const { workspace, processes } = await cluster(t);
    await editState(workspace, change);
    const copy = join(await temporaryFolder(t), "copy");
    await cp(workspace, copy, { recursive: true });
    assert.deepEqual([await countProcesses(copy), await terminateLocal(copy)], [0, { endedProcesses: 0 }]);
    assert.equal(processes.filter(isAlive).length, 4);
    assert.deepEqual(await readdir(await chooseRunFolder(workspace)), []);
    assert.deepEqual(await readdir(copy), ["log"]);
    assert.deepEqual(await terminateLocal(workspace), { endedProcesses: 4 });
  });
}

test("terminateLocal() removes no run folder of somebody else, whatever the state says", async (t) => {
  const { workspace, processes } = await cluster(t);
  const foreign = await temporaryFolder(t);
  await writeFile(join(foreign, "file"), "");
  await editState(workspace, (state) => (state.runFolder = foreign));
  assert.deepEqual(await terminateLocal(workspace), { endedProcesses: 4 });
  assert.deepEqual([processes.filter(isAlive), await readdir(foreign)], [[], ["file"]]);
});

async function editState(workspace: string, change: (state: LocalState) => unknown): Promise<void> {
  const path = workspacePaths(workspace).state;
  const state = JSON.parse(await readFile(path, "utf8")) as LocalState;
  change(state);
  await writeFile(path, JSON.stringify(state));
}
