import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Secret } from "@constellation/keys";
import { ExecError, exec } from "./exec.ts";

const signal = new AbortController().signal;
const SECRET = "a very secret passphrase";
const secret = (): Secret => new Secret(new TextEncoder().encode(SECRET));

describe("exec()", () => {
  test("gives output and exit code", async () => {
    const output = await exec({ program: "sh", args: ["-c", "echo out; echo err >&2"] }, signal);
    assert.deepEqual(output, { exitCode: 0, stdout: "out\n", stderr: "err\n" });
  });

  test("passes a secret by standard input", async () => {
    const output = await exec({ program: "cat", args: [], stdin: secret() }, signal);
    assert.equal(output.stdout, SECRET);
  });

  test("passes a second secret as a file without a name, readable from its start", async () => {
    const args = ["-c", "cat; cat /proc/self/fd/3; stat -Lc '%h %a' /proc/self/fd/3"];
    const command = { program: "sh", args, stdin: new TextEncoder().encode("first "), extraInput: secret() };
    assert.equal((await exec(command, signal)).stdout, `first ${SECRET}0 600\n`);
  });

  test("does not shell out: arguments are taken as they are", async () => {
    assert.equal((await exec({ program: "echo", args: ["$HOME;id"] }, signal)).stdout, "$HOME;id\n");
  });

  test("rejects other exit codes with the end of standard error, and without the input", async () => {
    const command = { program: "sh", args: ["-c", "cat >/dev/null; echo broken >&2; exit 3"], stdin: secret() };
    await assert.rejects(exec(command, signal), (error: unknown) => {
      assert.ok(error instanceof ExecError);
      assert.equal(error.code, "exit");
      assert.equal(error.exitCode, 3);
      assert.equal(error.stderrTail, "broken");
      assert.match(error.message, /^Run sh -c .* failed: got exit code "3", wanted "0": broken$/);
      assert.ok(!JSON.stringify([error.message, error]).includes(SECRET));
      return true;
    });
  });

  test("takes exit codes that are answers", async () => {
    const output = await exec({ program: "sh", args: ["-c", "exit 4"], acceptedExitCodes: [4] }, signal);
    assert.equal(output.exitCode, 4);
  });

  test("rejects a program that is not there", async () => {
    await assert.rejects(exec({ program: "constellation-no-such-program", args: [] }, signal), { code: "not_started" });
  });

  test("ends a program that takes too long", async () => {
    await assert.rejects(exec({ program: "sleep", args: ["60"], timeoutMs: 20 }, signal), { code: "timeout" });
  });

  test("ends a program when its caller gives up", async () => {
    const abort = new AbortController();
    const running = exec({ program: "sleep", args: ["60"] }, abort.signal);
    abort.abort();
    await assert.rejects(running, { code: "aborted" });
    await assert.rejects(exec({ program: "true", args: [] }, abort.signal), { code: "aborted" });
  });

  test("rejects a program that a signal ended", async () => {
    await assert.rejects(exec({ program: "sh", args: ["-c", "kill -9 $$"] }, signal), { code: "killed" });
  });

  test("is not disturbed by a program that does not read its input", async () => {
    const stdin = new Uint8Array(1024 * 1024);
    assert.equal((await exec({ program: "true", args: [], stdin }, signal)).exitCode, 0);
  });

  test("tells output as it comes", async () => {
    const pieces: string[] = [];
    await exec(
      { program: "sh", args: ["-c", "echo one; echo two >&2"], onOutput: (text) => pieces.push(text) },
      signal,
    );
    assert.deepEqual(pieces.toSorted(), ["one\n", "two\n"]);
  });
});
