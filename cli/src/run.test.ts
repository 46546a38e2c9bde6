import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { Command } from "commander";
import { Harness } from "./testing/harness.ts";

test("a wrong command line exits with 2 and says where help is", async (t) => {
  const harness = await Harness.create(t);
  for (const argv of [
    ["nonsense"],
    ["apply", "--nonsense"],
    ["version", "-o", "xml"],
    ["config", "generate", "aws"],
    [],
  ]) {
    const { code, err } = await harness.run(...argv);
    assert.equal(code, 2, argv.join(" "));
    assert.match(err, /--help|Usage/);
  }
});

test("a wrong command line is a JSON error, too, where JSON was asked for", async (t) => {
  const harness = await Harness.create(t);
  for (const [argv, message] of [
    [["apply", "--nonsense", "--output", "json"], /unknown option '--nonsense'/],
    [["status", "-ojson", "--cluster-id"], /unknown option '--cluster-id'/],
    [["verify", "--output=json", "--cluster-id", "zz"], /wanted 64 hexadecimal digits/],
    [["nonsense", "-o", "json"], /unknown (command 'nonsense'|option '-o')/],
    [["mini", "--output", "json"], /unknown option '--output'/],
  ] as const) {
    const { code, out, err } = await harness.run(...argv);
    assert.equal(code, 2, argv.join(" "));
    const { error } = JSON.parse(out) as { error: { code: string; message: string } };
    assert.equal(error.code, "usage");
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /^error:/);
    assert.match(err, /--help/);
  }
  assert.equal((await harness.run("apply", "--nonsense", "-o", "text")).out, "");
});

test("every command that reports takes --output json", async () => {
  const { createProgram } = await import("./program.ts");
  const setup = { report: (command: Command) => command.option("--output"), run: () => () => Promise.resolve() };
  const silent = listCommands(createProgram(() => setup)).filter(
    (command) => command.commands.length === 0 && !command.options.some(({ long }) => long === "--output"),
  );
  assert.deepEqual(
    silent.map((command) => command.name()),
    ["generate", "init", "completion"],
  );
});

function listCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(listCommands)];
}

test("--help exits with 0 and lists all commands and exit codes", async (t) => {
  const harness = await Harness.create(t);
  const { code, out } = await harness.run("--help");
  assert.equal(code, 0);
  for (const name of [
    "config",
    "apply",
    "mini",
    "status",
    "verify",
    "recover",
    "terminate",
    "doctor",
    "version",
    "completion",
  ]) {
    assert.match(out, new RegExp(`\n  ${name}\\b`));
  }
  assert.match(out, /Exit codes: 0 done; 1 refused or failed; 2 wrong command line; 130 interrupted/);
});

test("global flags are taken before and after the command", async (t) => {
  const harness = await Harness.create(t);
  assert.equal((await harness.run("config", "generate", "qemu", "--workspace", "other")).code, 0);
  assert.equal((await harness.run("status", "-C", "other")).code, 0);
  assert.equal((await harness.run("status")).code, 1);
});

test("an error shows message and hint, and a stack trace only with --debug", async (t) => {
  const harness = await Harness.create(t);
  const plain = await harness.run("apply");
  assert.equal(plain.code, 1);
  assert.equal(
    plain.err,
    "Error: Read w/constellation-conf.yaml failed: there is no such file\nHint: generate one with `constellation config generate qemu`\n",
  );
  assert.match((await harness.run("apply", "--debug")).err, /\n {4}at /);
});

test("--debug shows what a server says without its control characters", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu");
  assert.equal((await harness.run("apply", "-y")).code, 0);
  let calls = 0;
  harness.kubernetes.onCall = () => {
    if (calls++ === 0) throw Object.assign(new Error("\u001b[2Jgone\r\nforged"), { retryable: true });
    if (calls > 3) throw new Error("\u001b[2Jfailed");
  };
  const { err } = await harness.run("apply", "-y", "--debug");
  assert.match(err, /Z Error: \?\[2Jgone\?\?forged\n/);
  assert.match(err, /Error: \?\[2Jfailed\n/);
  assert.equal(err.includes("\u001b"), false);
});

test("config generate writes a valid configuration and never overwrites one", async (t) => {
  const harness = await Harness.create(t);
  const first = await harness.run("config", "generate", "qemu", "-t", "team=a,stage=test");
  assert.equal(first.code, 0, first.err);
  assert.equal((await harness.run("config", "validate")).code, 0);
  const text = await harness.read("constellation-conf.yaml");
  assert.match(text, /tags:\n {2}team: a\n {2}stage: test/);
  const second = await harness.run("config", "generate", "qemu");
  assert.equal(second.code, 1);
  assert.match(second.err, /the file exists/);
  assert.equal(await harness.read("constellation-conf.yaml"), text);
  assert.equal((await harness.run("config", "generate", "qemu", "-t", "team")).code, 2);
});

test("config validate lists what is wrong and exits with 1", async (t) => {
  const harness = await Harness.create(t);
  await harness.write("constellation-conf.yaml", "version: v4\nversion: v4\n");
  const { code, err } = await harness.run("config", "validate");
  assert.equal(code, 1);
  assert.match(err, /line 2, column 1: got the key "version" again/);
});

test("config validate --output json says that it is valid, or which fields are not", async (t) => {
  const harness = await Harness.create(t);
  await harness.run("config", "generate", "qemu", "--name", "demo");
  const good = await harness.run("config", "validate", "--output", "json");
  assert.deepEqual(JSON.parse(good.out), { valid: true, name: "demo", kubernetesVersion: "v1.36.4" });
  await harness.edit("constellation-conf.yaml", (text) => text.replace("vcpus: 2", "vcpus: two"));
  const bad = await harness.run("config", "validate", "--output", "json");
  assert.equal(bad.code, 1);
  assert.match((JSON.parse(bad.out) as { error: { message: string } }).error.message, /vcpus: got "two"/);
});

test("version reports versions, also as JSON", async (t) => {
  const harness = await Harness.create(t);
  assert.match((await harness.run("version")).out, /Version: +v0\.1\.0\nKubernetes: +v1\.36\.4\n/);
  const report = JSON.parse((await harness.run("version", "-o", "json")).out) as { version: string };
  assert.equal(report.version, "v0.1.0");
});

for (const shell of ["bash", "zsh", "fish"] as const) {
  test(`completion ${shell} writes a script with all commands`, async (t) => {
    const harness = await Harness.create(t);
    const { code, out } = await harness.run("completion", shell);
    assert.equal(code, 0);
    for (const word of ["mini", "skip-phases", "terminate", "doctor"]) assert.ok(out.includes(word), word);
    if (shell === "bash") assert.equal(spawnSync("bash", ["-n"], { input: out }).status, 0);
  });
}

test("completion bash completes commands, options and choices", async (t) => {
  const harness = await Harness.create(t);
  const { out } = await harness.run("completion", "bash");
  const complete = (...words: string[]) => {
    const script = `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _constellation; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout.trim().split("\n").sort();
  };
  assert.deepEqual(complete("constellation", "mi"), ["mini"]);
  assert.deepEqual(
    complete("constellation", "-C", "folder", "mini", ""),
    ["--debug", "--force", "--help", "--workspace", "-C", "-h", "down", "help", "up"].sort(),
  );
  assert.deepEqual(complete("constellation", "completion", "z"), ["zsh"]);
  assert.deepEqual(complete("constellation", "apply", "--skip-p"), ["--skip-phases"]);
});

test("main.ts runs a command in a process of its own and ends", () => {
  const main = join(import.meta.dirname, "main.ts");
  const good = spawnSync(process.execPath, [main, "version", "-o", "json"], { encoding: "utf8" });
  assert.equal(good.status, 0, good.stderr);
  assert.doesNotThrow(() => JSON.parse(good.stdout) as unknown);
  assert.equal(spawnSync(process.execPath, [main, "nonsense"]).status, 2);
});
