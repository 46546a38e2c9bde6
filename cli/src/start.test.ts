import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const MAIN = join(import.meta.dirname, "main.ts");

/** Runs before the program, in its process, and says at its end what was loaded. */
const LISTING = `
import { registerHooks } from "node:module";
const loaded = [];
registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
process.on("exit", () => process.stderr.write(JSON.stringify(loaded)));
`;

/** What a command needs that only says something about the program itself. */
const SMALL = [
  /^node:/,
  /\/cli\/src\//,
  /\/packages\/config\/src\/(?:constants|attestation\/variants)\.ts$/,
  /\/commander\//,
];

for (const args of [["version"], ["--help"], ["apply", "--help"], ["completion", "bash"]]) {
  test(`${args.join(" ")} starts without the parsers of documents and evidence`, async () => {
    const preload = `data:text/javascript,${encodeURIComponent(LISTING)}`;
    const { stderr } = await promisify(execFile)(process.execPath, ["--import", preload, MAIN, ...args]);
    const loaded = JSON.parse(stderr) as string[];
    assert.ok(loaded.some((url) => url.endsWith("/cli/src/program.ts")));
    assert.deepEqual(
      loaded.filter((url) => !SMALL.some((small) => small.test(url))),
      [],
    );
  });
}
