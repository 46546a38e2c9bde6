import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nodePaths } from "../cluster/paths.ts";
import { escapeValue, type MachineOptions, machineArguments } from "./arguments.ts";
import { copyOnce, makeSparseDisk } from "./disks.ts";

const OPTIONS: MachineOptions = {
  name: "worker-0",
  accelerator: "tcg",
  vcpus: 2,
  memoryMiB: 2048,
  mac: "52:54:00:01:00:00",
  imagePath: "/images/a,b.raw",
  firmwareCode: "/firmware/code.fd",
  throwawayDisks: false,
  smbios: ["one=1,2"],
  paths: nodePaths("/ws/constellation-local", "/tmp/run", "worker-0"),
};

test("machineArguments() uses the proven emulation flags, and the host's CPU under KVM", () => {
  const tcg = machineArguments(OPTIONS).join(" ");
  assert.match(
    tcg,
    /-machine q35 -accel tcg,thread=multi,tb-size=1024 -cpu max,la57=off,erms=off,fsrm=off -smp 2 -m 2048M/,
  );
  assert.match(machineArguments({ ...OPTIONS, accelerator: "kvm" }).join(" "), /-accel kvm -cpu host /);
});

test("machineArguments() never opens the image for writing and flushes state disks unless they are thrown away", () => {
  const line = machineArguments(OPTIONS).join(" ");
  assert.match(line, /id=image,if=none,format=raw,readonly=on,file=\/images\/a,,b\.raw /);
  assert.match(line, /cache=writeback,/);
  assert.doesNotMatch(line, /cache=unsafe/);
  assert.match(machineArguments({ ...OPTIONS, throwawayDisks: true }).join(" "), /id=state,[^ ]*cache=unsafe/);
});

test("machineArguments() puts the image before the state disk, so that they are vda and vdb", () => {
  const line = machineArguments(OPTIONS).join(" ");
  assert.ok(line.indexOf("drive=image,serial=image") < line.indexOf("drive=state,serial=state"));
});

test("machineArguments() passes OEM strings with commas whole", () => {
  assert.ok(machineArguments(OPTIONS).includes("type=11,value=one=1,,2"));
});

test("machineArguments() keeps unix socket paths far below 107 bytes", () => {
  const sockets =
    machineArguments(OPTIONS)
      .join(" ")
      .match(/\/tmp\/run[^, ]*/g) ?? [];
  assert.equal(sockets.length, 4);
});

test("escapeValue() doubles commas", () => {
  assert.equal(escapeValue("a,b,,c"), "a,,b,,,,c");
});

test("makeSparseDisk() makes a disk without blocks once, copyOnce() a copy once", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "constellation-disks-"));
  t.after(() => rm(folder, { recursive: true }));
  const disk = join(folder, "disk");
  await makeSparseDisk(disk, 2 ** 30);
  assert.deepEqual([(await stat(disk)).size, (await stat(disk)).blocks], [2 ** 30, 0]);
  await writeFile(disk, "data");
  await makeSparseDisk(disk, 2 ** 30);
  assert.equal(await readFile(disk, "utf8"), "data");
  const copy = join(folder, "copy");
  await writeFile(`${copy}.tmp`, "a copy that was cut off");
  await copyOnce(disk, copy);
  assert.equal(await readFile(copy, "utf8"), "data");
  await writeFile(copy, "changed");
  await copyOnce(disk, copy);
  assert.equal(await readFile(copy, "utf8"), "changed");
});
