import assert from "node:assert/strict";
import { test } from "node:test";
import { describePackage, npmPackage } from "./npm-packages.ts";

const PACKAGE = { name: "@scope/a", version: "1.2.3" };

test("describePackage() takes the licence and the SHA-512 of the lockfile", () => {
  const digest = Buffer.alloc(64, 0xab);
  const integrity = `sha512-${digest.toString("base64")}`;
  assert.deepEqual(describePackage({ ...PACKAGE, license: "MIT" }, { integrity }), {
    ...PACKAGE,
    license: "MIT",
    sha512: digest.toString("hex"),
  });
});

test("describePackage() leaves out another digest and a licence in the old form", () => {
  const old = { ...PACKAGE, license: { type: "MIT" } };
  assert.deepEqual(describePackage(old, { integrity: "sha1-qUJ0" }), PACKAGE);
});

test("npmPackage() describes a package of this checkout", async () => {
  const { name, version, sha512 } = await npmPackage("node_modules/yaml");
  assert.deepEqual([name, version], ["yaml", "2.9.1"]);
  assert.match(sha512 ?? "", /^[0-9a-f]{128}$/);
});

test("npmPackage() refuses a package that is not locked", async () => {
  await assert.rejects(npmPackage("node_modules/unheard-of"), { code: "input_missing" });
});
