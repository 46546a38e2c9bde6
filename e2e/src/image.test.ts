/** Show 9: two builds from the same inputs have the same bytes, and what is predicted is what was built. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { predictMeasurements } from "@constellation/eventlog";
import { CHECKOUT } from "./harness/programs.ts";
import { runProgram } from "./harness/run-program.ts";
import { say } from "./harness/say.ts";
import { minutes } from "./harness/wait.ts";

const BUILD_TIMEOUT_MS = minutes(60);

void suite("node image", { timeout: 2 * BUILD_TIMEOUT_MS }, () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "constellation-e2e-image-"));
    await build("first");
    await build("second", "--fresh");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function build(name: string, ...args: readonly string[]): Promise<void> {
    const node = join(CHECKOUT, "scripts/node");
    const command = [join(CHECKOUT, "image/src/main.ts"), "--output", join(folder, name), ...args];
    const { exitCode, stdout } = await runProgram(node, command, { timeoutMs: BUILD_TIMEOUT_MS, echo: true });
    say(stdout);
    assert.equal(exitCode, 0, `build of the ${name} image`);
  }

  for (const file of [
    "constellation.efi",
    "constellation.raw",
    "measurements.json",
    "manifest.json",
    "sbom.spdx.json",
  ]) {
    test(`${file} is the same when it is built again`, async () => {
      const [first, second] = [await sha256(join(folder, "first", file)), await sha256(join(folder, "second", file))];
      say(`${file} ${first}`);
      assert.equal(first, second);
    });
  }

  test("measurements.json has what follows from the unified kernel image", async () => {
    const { pcrs } = predictMeasurements({ uki: await readFile(join(folder, "second/constellation.efi")) });
    const written = JSON.parse(await readFile(join(folder, "second/measurements.json"), "utf8")) as {
      measurements: { pcrs: Record<string, string> };
    };
    assert.deepEqual(written.measurements.pcrs, { ...pcrs });
  });
});

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
