import assert from "node:assert/strict";
import { test } from "node:test";
import { bundledPackages } from "./bundle.ts";

const output = (inputs: Readonly<Record<string, number>>) => ({
  bytes: 1,
  imports: [],
  exports: [],
  inputs: Object.fromEntries(Object.entries(inputs).map(([file, bytesInOutput]) => [file, { bytesInOutput }])),
});

test("bundledPackages() names the folder of each package that left something in the bundle", () => {
  const outputs = {
    "out.mjs": output({
      "node/src/main.ts": 9,
      "node_modules/yaml/dist/index.js": 9,
      "node_modules/yaml/dist/nodes/Node.js": 9,
      "node_modules/@connectrpc/connect/dist/esm/index.js": 9,
      "node_modules/tsyringe/node_modules/tslib/tslib.es6.js": 9,
      "node_modules/shaken-off/index.js": 0,
    }),
  };
  assert.deepEqual(bundledPackages({ inputs: {}, outputs }), [
    "node_modules/@connectrpc/connect",
    "node_modules/tsyringe/node_modules/tslib",
    "node_modules/yaml",
  ]);
});
