import assert from "node:assert/strict";
import { test } from "node:test";
import { FAKE_BODY, fakeTcbInfo, INTEL_MODULE, newKeys, signedAnswer } from "./testing/index.ts";
import { parseTcbInfo } from "./tcb-info.ts";
import { findModuleIdentity, moduleVersion, verifyTdxModule } from "./verify-tdx-module.ts";

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

test("verifyTdxModule() names the identity that it found, or the one that it wants", () => {
  const judged = (version: number) => {
    const TEE_TCB_SVN = Uint8Array.from(FAKE_BODY.TEE_TCB_SVN).fill(version, 1, 2);
    const { checks, identity } = verifyTdxModule({ tdxVersion: "1.5", ...FAKE_BODY, TEE_TCB_SVN }, tcbInfo);
    return [checks[0]?.got, checks[0]?.wanted, identity?.id];
  };
  assert.deepEqual(judged(0x1a), ['"TDX_1A"', undefined, "TDX_1A"]);
  assert.deepEqual(judged(0x02), ["none", '"TDX_02"', undefined]);
  assert.deepEqual(judged(0), ['"tdxModule" for version 0', undefined, undefined]);
});

test("moduleVersion() is the SVN at index 1", () => {
  assert.equal(moduleVersion(Uint8Array.of(6, 3, 5)), 3);
});
