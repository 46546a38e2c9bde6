import assert from "node:assert/strict";
import { test } from "node:test";
import { Harness } from "../../testing/harness.ts";

interface Report {
  readonly healthy: boolean;
  readonly findings: { name: string; outcome: string; text: string; remedy?: string }[];
}

async function doctor(harness: Harness): Promise<{ code: number; report: Report }> {
  const { code, out } = await harness.run("doctor", "--output", "json");
  return { code, report: JSON.parse(out) as Report };
}

test("doctor finds a good computer good", async (t) => {
  const harness = await Harness.create(t);
  const { code, report } = await doctor(harness);
  assert.equal(code, 0);
  assert.equal(report.healthy, true);
  assert.deepEqual(
    report.findings.map(({ name }) => name),
    ["platform", "processor", "memory", "disk", "qemu", "workspace", "node image"],
  );
});

const cases: [string, string, "warning" | "failed", (harness: Harness) => void][] = [
  ["another operating system", "platform", "failed", (harness) => void (harness.machine.os = "darwin")],
  ["one CPU", "processor", "failed", (harness) => void (harness.machine.cpus = 1)],
  ["two CPUs", "processor", "warning", (harness) => void (harness.machine.cpus = 2)],
  ["little memory", "memory", "failed", (h) => void (h.machine.memoryMiB = { totalMiB: 2048, availableMiB: 900 })],
  ["memory in use", "memory", "warning", (h) => void (h.machine.memoryMiB = { totalMiB: 32_768, availableMiB: 900 })],
  ["a full disk", "disk", "failed", (harness) => void (harness.machine.diskMiB = 100)],
  ["a disk that is nearly full", "disk", "warning", (harness) => void (harness.machine.diskMiB = 10 * 1024)],
  ["no image", "node image", "failed", (harness) => harness.machine.files.clear()],
  ["an image that is damaged", "node image", "failed", (harness) => void (harness.machine.digest = "6".repeat(64))],
  [
    "measurements that were cut off",
    "node image",
    "failed",
    ({ machine }) => {
      for (const path of machine.files.keys()) {
        if (path.endsWith("measurements.json")) machine.files.set(path, '{"measurements": {"pc');
      }
    },
  ],
  [
    "a missing manifest",
    "node image",
    "failed",
    ({ machine }) => {
      for (const path of machine.files.keys()) if (path.endsWith("manifest.json")) machine.files.delete(path);
    },
  ],
  [
    "a missing program",
    "qemu",
    "failed",
    ({ infrastructure }) => {
      infrastructure.findings = [{ name: "qemu", outcome: "failed", text: "no qemu", remedy: "run 'make install'" }];
    },
  ],
];

for (const [what, name, outcome, change] of cases) {
  test(`doctor finds ${what}, with a remedy`, async (t) => {
    const harness = await Harness.create(t);
    change(harness);
    const { code, report } = await doctor(harness);
    assert.equal(code, outcome === "failed" ? 1 : 0);
    const finding = report.findings.find((candidate) => candidate.name === name);
    assert.equal(finding?.outcome, outcome);
    assert.ok(finding?.remedy, "has a remedy");
    const text = await harness.run("doctor");
    assert.match(text.out, new RegExp(`What can be done:[\\s\\S]*${name}: `));
  });
}

test("doctor lists a damaged configuration and state beside the rest", async (t) => {
  const harness = await Harness.create(t);
  await harness.write("constellation-conf.yaml", "version: v4\nname: 3\n");
  await harness.write("constellation-state.yaml", "version: v9\n");
  const { code, report } = await doctor(harness);
  assert.equal(code, 1);
  assert.match(report.findings.find(({ name }) => name === "configuration")?.text ?? "", /name: got 3/);
  assert.match(report.findings.find(({ name }) => name === "workspace")?.text ?? "", /version: got "v9"/);
  assert.ok(report.findings.some(({ name }) => name === "processor"));
});

test("doctor warns when the configuration expects another image", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  await harness.edit("constellation-conf.yaml", (text) => text.replace("4".repeat(64), "5".repeat(64)));
  const { report } = await doctor(harness);
  assert.equal(report.findings.find(({ name }) => name === "measurements")?.outcome, "warning");
});
