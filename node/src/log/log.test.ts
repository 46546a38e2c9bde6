import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Secret } from "@constellation/keys";
import { NodeError } from "../errors.ts";
import { openConsole } from "./console.ts";
import { createLog } from "./log.ts";

describe("createLog()", () => {
  const written = (use: (log: ReturnType<typeof createLog>) => void): string => {
    const lines: string[] = [];
    use(createLog((line) => lines.push(line)));
    return lines.join("");
  };

  test("writes one line of JSON with the priority that journald reads", () => {
    const line = written((log) => log.info("state entered", { state: "disk" }));
    assert.equal(line, '<6>{"level":"info","message":"state entered","state":"disk"}\n');
    assert.ok(written((log) => log.warn("x")).startsWith("<4>"));
    assert.ok(written((log) => log.debug("x")).startsWith("<7>"));
  });

  test("writes errors with code and causes", () => {
    const error = new NodeError("disk", "Open failed", { cause: new Error("no key") });
    const line = written((log) => log.error("agent failed", error));
    assert.equal(line, '<3>{"level":"error","message":"agent failed","code":"disk","error":"Open failed: no key"}\n');
  });

  test("shows no secret", () => {
    const secret = new Secret(new TextEncoder().encode("hush hush"));
    assert.match(
      written((log) => log.info("key", { secret, deep: { secret } })),
      /\[secret\].*\[secret\]/,
    );
  });
});

describe("openConsole()", () => {
  test("writes what happens with the time since power-on", () => {
    const directory = mkdtempSync(join(tmpdir(), "constellation-console-"));
    const path = join(directory, "console");
    openConsole(path, () => 1234)("state: disk");
    assert.equal(readFileSync(path, "utf8"), "constellation    1.2 s  state: disk\r\n");
    rmSync(directory, { recursive: true });
  });

  test("does not mind that there is no console", () => openConsole("/nonexistent/console", () => 0)("hello"));
});
