import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeTcbInfo, INTEL_MODULE, newKeys, signedAnswer } from "./testing/index.ts";
import { parseTcbInfo } from "./tcb-info.ts";
import { findModuleIdentity, moduleVersion } from "./verify-tdx-module.ts";

const tdxModuleIdentities = ["TDX_01", "TDX_10", "TDX_1A"].map((id) => ({ id, ...INTEL_MODULE, tcbLevels: [] }));
const tcbInfo = parseTcbInfo(signedAnswer("tcbInfo", { ...fakeTcbInfo(), tdxModuleIdentities }, newKeys()));

test("findModuleIdentity() finds the identity of a major version by its two hexadecimal digits", () => {
  const found = [0x01, 0x10, 0x1a].map((version) => findModuleIdentity(tcbInfo, version)?.id);
  assert.deepEqual(found, ["TDX_01", "TDX_10", "TDX_1A"]);
});

test("findModuleIdentity() finds nothing for other versions", () => {
  const found = [0, 2, 10, 26 * 16, 255].map((version) => findModuleIdentity(tcbInfo, version));
  assert.deepEqual(new Set(found), new Set([undefined]));
});

test("moduleVersion() is the SVN at index 1", () => {
  assert.equal(moduleVersion(Uint8Array.of(6, 3, 5)), 3);
});
