import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable, Writable } from "node:stream";
import { type TestContext, test } from "node:test";
import { CliError } from "../errors.ts";
import { processIo } from "./process-io.ts";
import { confirm } from "./prompt.ts";

const signal = new AbortController().signal;

function ioOf(stdin: Readable & { isTTY?: boolean }) {
  const seen = { text: "" };
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      seen.text += chunk.toString();
      done();
    },
  });
  return { io: processIo({ stdin, stdout: sink, stderr: sink }), seen };
}

async function fileWith(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-io-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "answers"), text);
  return join(folder, "answers");
}

test("processIo() reads answers from a file, which can't be referenced as a terminal can", async (t) => {
  const { io } = ioOf(createReadStream(await fileWith(t, "maybe\nyes\n")));
  assert.equal(io.inIsTerminal, false);
  assert.equal(await confirm(io, "Go on?", signal), true);
  assert.equal(await io.readLine(signal), undefined);
});

for (const path of ["/dev/null", "/"]) {
  test(`confirm() with "${path}" as input says that there is no terminal and what to do`, async () => {
    const { io, seen } = ioOf(createReadStream(path));
    await assert.rejects(
      confirm(io, "Go on?", signal),
      (error) =>
        error instanceof CliError &&
        error.code === "no-answer" &&
        error.message === 'Ask "Go on?" failed: there is no terminal, and the input has ended' &&
        /--yes \(-y\)/.test(error.hint ?? ""),
    );
    assert.match(seen.text, /Go on\? \[y\/n\] \(there is no terminal here: --yes goes on without asking\): /);
  });
}

test("processIo() holds a terminal only while it waits for an answer, and lets go of it when interrupted", async () => {
  const holds: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    ref: () => holds.push(true),
    unref: () => holds.push(false),
  });
  const { io, seen } = ioOf(stdin);
  const controller = new AbortController();
  const asked = confirm(io, "Go on?", controller.signal);
  assert.deepEqual(holds, [true]);
  controller.abort(new CliError("interrupted", "Interrupted"));
  await assert.rejects(asked, /Interrupted/);
  assert.deepEqual(holds, [true, false]);
  assert.equal(seen.text, "Go on? [y/n]: ");
});
