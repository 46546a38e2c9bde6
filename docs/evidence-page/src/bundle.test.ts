import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { buildPage, bundleForBrowser } from "./bundle.ts";

const CHECKOUT = join(import.meta.dirname, "../../..");
const CORE = "packages/evidence/src/index.ts";
const HASHES = "@noble/hashes";

/** SPECIFICATION.md has these numbers. */
const MAX_CORE_BYTES = 150_000;
const MAX_PAGE_BYTES = 205_000;

const core = await bundleForBrowser(CORE, { format: "esm", external: [HASHES] });
const page = await buildPage();

describe("the verifying core for browsers", () => {
  test(`has less than ${MAX_CORE_BYTES} bytes, minified`, (t) => {
    const size = Buffer.byteLength(core.text);
    t.diagnostic(`${size} bytes of ${core.inputs.size} files`);
    assert.ok(size < MAX_CORE_BYTES, `${size} bytes`);
  });

  test("is of this project's packages, and imports the hashes alone", () => {
    for (const path of core.inputs.keys()) assert.match(path, /^packages\//);
    assert.ok(core.inputs.has("packages/sev-snp/src/verify-report.ts"));
    assert.deepEqual(new Set(core.imports), new Set([`${HASHES}/legacy.js`, `${HASHES}/sha2.js`]));
  });

  test("has nothing of Node.js", () => {
    assert.doesNotMatch(core.text, /node:[a-z]/);
    assert.doesNotMatch(core.text, /\b(?:Buffer|process|require|__dirname)\b[.([]/);
  });

  test("is of packages that depend on this project's alone, but for the provider of browsers", () => {
    const packages = new Set(Array.from(core.inputs.keys(), (path) => path.split("/")[1] as string));
    for (const name of packages) {
      const manifest = readFileSync(join(CHECKOUT, "packages", name, "package.json"), "utf8");
      const { dependencies = {} } = JSON.parse(manifest) as { dependencies?: Record<string, string> };
      const foreign = Object.keys(dependencies).filter((dependency) => !dependency.startsWith("@constellation/"));
      assert.deepEqual(foreign, name === "web-crypto" ? [HASHES] : [], name);
    }
  });
});

test("bundleForBrowser() fails for what needs Node.js", async () => {
  const failing = bundleForBrowser("packages/tpm2/src/node.ts", { format: "esm" });
  await assert.rejects(failing, /Could not resolve "node:crypto"/);
});

describe("buildPage()", () => {
  test(`makes one file of less than ${MAX_PAGE_BYTES} bytes`, (t) => {
    const size = Buffer.byteLength(page);
    t.diagnostic(`${size} bytes`);
    assert.ok(size < MAX_PAGE_BYTES, `${size} bytes`);
    assert.doesNotMatch(page, /\{\{\w+\}\}/);
  });

  test("lets its own script and style run, and nothing be loaded or sent", () => {
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page)?.[1] ?? "";
    const hashed = (tag: string): string => {
      const text = new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(page)?.[1] as string;
      return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    };
    const directives = new Map(policy.split("; ").map((one) => [one.split(" ")[0], one.split(" ").slice(1).join(" ")]));
    assert.equal(directives.get("default-src"), "'none'");
    assert.equal(directives.get("script-src"), hashed("script"));
    assert.equal(directives.get("style-src"), hashed("style"));
    assert.equal(directives.get("img-src"), "data:");
    assert.equal(directives.get("form-action"), "'none'");
    const loading = [...directives.keys()].filter((name) => name?.endsWith("-src"));
    assert.deepEqual(loading, ["default-src", "script-src", "style-src", "img-src"]);
  });
});
