import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Harness } from "./testing/harness.ts";

const COMMANDS = [
  "",
  "config",
  "config generate",
  "config validate",
  "apply",
  "mini",
  "mini up",
  "mini down",
  "status",
  "verify",
  "evidence",
  "evidence verify",
  "evidence show",
  "evidence policy",
  "evidence policy init",
  "evidence fetch",
  "recover",
  "keys",
  "keys status",
  "keys rotate",
  "terminate",
  "doctor",
  "version",
  "completion",
];

async function help(harness: Harness, command: string): Promise<string> {
  const { code, out, err } = await harness.run(...command.split(" ").filter((word) => word !== ""), "--help");
  assert.equal(code, 0, err);
  return out.trimEnd();
}

for (const command of COMMANDS) {
  test(`--help of "constellation ${command}" fits 80 columns and breaks no line that has room for the next word`, async (t) => {
    const text = await help(await Harness.create(t), command);
    for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
    const [, description = ""] = /^Usage: .*\n\n([\s\S]*?)\n\n(?:Arguments|Options|Commands):$/m.exec(text) ?? [];
    assert.notEqual(description, "");
    for (const [, line = "", next = ""] of description.matchAll(/^(\S.*)\n(?=(\S+))/gm)) {
      assert.ok(line.length + 1 + next.length > 80, line);
    }
  });
}

test("docs/cli.md shows the --help of every command as it is", async (t) => {
  const harness = await Harness.create(t);
  const text = await readFile(join(import.meta.dirname, "../../docs/cli.md"), "utf8");
  const blocks = text.matchAll(/^##+ `constellation ?(.*)`\n\n```\n([\s\S]*?)\n```/gm);
  const shown = new Map(Array.from(blocks, ([, command = "", block = ""]) => [command, block]));
  assert.deepEqual([...shown.keys()], COMMANDS);
  for (const [command, block] of shown) assert.equal(block, await help(harness, command), command);
});
