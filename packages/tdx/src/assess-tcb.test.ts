import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex } from "@constellation/bytes";
import {
  FAKE_BODY,
  FAKE_PCK,
  fakeQeIdentity,
  fakeTcbInfo,
  INTEL_MODULE,
  isvSvnLevel,
  type Json,
  newKeys,
  platformLevel,
  signedAnswer,
} from "./testing/index.ts";
import { assessTcb, type TcbResult } from "./assess-tcb.ts";
import { parseQeIdentity, parseTcbInfo, type TcbAssessment } from "./index.ts";
import { findModuleIdentity } from "./verify-tdx-module.ts";

const keys = newKeys();

interface Setting {
  readonly components?: readonly number[];
  readonly pceSvn?: number;
  /** TEE_TCB_SVN, the first bytes. */
  readonly svn?: string;
  /** TEE_TCB_SVN_2, the first bytes; without it the body is a TDX 1.0 one. */
  readonly svn2?: string;
  readonly qeIsvSvn?: number;
  readonly tcbInfo?: Json;
  readonly qeIdentity?: Json;
}

const svnBytes = (text: string) => concat(fromHex(text), new Uint8Array(16 - text.length / 2));

function assess(setting: Setting = {}): TcbResult {
  const { components = FAKE_PCK.components, pceSvn = 13, svn = "060103", svn2, qeIsvSvn = 6 } = setting;
  const tcbInfo = parseTcbInfo(signedAnswer("tcbInfo", { ...fakeTcbInfo(), ...setting.tcbInfo }, keys));
  const qeIdentity = parseQeIdentity(
    signedAnswer("enclaveIdentity", { ...fakeQeIdentity(), ...setting.qeIdentity }, keys),
  );
  const fields = { ...FAKE_BODY, TEE_TCB_SVN: svnBytes(svn), TEE_TCB_SVN_2: svnBytes(svn2 ?? "") };
  const { TEE_TCB_SVN_2: _svn, MRSERVICETD: _service, ...fields10 } = fields;
  const version = fields.TEE_TCB_SVN[1] as number;
  return assessTcb({
    body: svn2 === undefined ? { tdxVersion: "1.0", ...fields10 } : { tdxVersion: "1.5", ...fields },
    tcb: { components, PCESVN: pceSvn, CPUSVN: new Uint8Array(16) },
    qeIsvSvn,
    tcbInfo,
    qeIdentity,
    moduleIdentity: version === 0 ? undefined : findModuleIdentity(tcbInfo, version),
  });
}

function tcbOf(setting: Setting = {}): TcbAssessment {
  const { tcb } = assess(setting);
  assert.ok(tcb);
  return tcb;
}

/** Components of the second level of the fake TCB info. */
const OLDER = [2, 2, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0];

test("assessTcb() finds a platform up to date", () => {
  const tcb = tcbOf();
  assert.equal(tcb.tcbStatus, "UpToDate");
  assert.deepEqual(tcb.tcbDate, new Date("2024-11-13T00:00:00Z"));
  assert.deepEqual(tcb.advisoryIDs, []);
  assert.deepEqual(tcb.tcbEvaluationDataNumber, { tcbInfo: 17, qeIdentity: 17 });
  assert.equal(tcb.relaunchAdvised, false);
  for (const part of [tcb.platform, tcb.tdxModule, tcb.qe]) assert.deepEqual(part?.lagging, []);
});

test("assessTcb() says which component of a platform lags behind which level", () => {
  const { platform, tcbStatus, tcbDate, advisoryIDs } = tcbOf({ components: OLDER, svn: "060102" });
  assert.equal(tcbStatus, "OutOfDate");
  assert.deepEqual(tcbDate, new Date("2024-03-13T00:00:00Z"));
  assert.deepEqual(advisoryIDs, ["INTEL-SA-00001", "INTEL-SA-00002"]);
  assert.deepEqual(platform.lagging, [
    { component: "sgxtcbcomponents[0]", got: 2, wanted: 3 },
    { component: "sgxtcbcomponents[1]", got: 2, wanted: 3 },
    { component: "sgxtcbcomponents[4]", got: 3, wanted: 4 },
    { component: "tdxtcbcomponents[2] (TDX Late Microcode Update)", got: 2, wanted: 3 },
  ]);
  assert.deepEqual(platform.newestLevel, { tcbStatus: "UpToDate", tcbDate: new Date("2024-11-13T00:00:00Z") });
});

test("assessTcb() takes the first level of which every SVN is met", () => {
  const statusOf = (setting: Setting) => tcbOf(setting).platform.tcbStatus;
  const with0 = (svn: number) => FAKE_PCK.components.map((value, index) => (index === 0 ? svn : value));
  assert.equal(statusOf({ components: with0(9) }), "UpToDate");
  assert.equal(statusOf({ components: with0(2) }), "OutOfDate");
  assert.equal(statusOf({ components: with0(1) }), "Revoked");
  assert.equal(assess({ components: with0(0) }).tcb, undefined);
  assert.equal(statusOf({ pceSvn: 12 }), "OutOfDateConfigurationNeeded");
  assert.equal(assess({ pceSvn: 4 }).tcb, undefined);
  assert.equal(statusOf({ svn: "060102" }), "OutOfDate");
  assert.equal(statusOf({ svn: "060101" }), "Revoked");
  assert.equal(assess({ svn: "060100" }).tcb, undefined);
});

test("assessTcb() looks at the SVNs of the TDX module from index 2 with a major version, from 0 without", () => {
  const tcbLevels = [platformLevel([3], 13, [5, 1, 3]), platformLevel([3], 13, [0, 0, 0], "OutOfDate")];
  assert.equal(tcbOf({ svn: "060103", tcbInfo: { tcbLevels } }).platform.tcbStatus, "UpToDate");
  assert.equal(tcbOf({ svn: "060003", tcbInfo: { tcbLevels } }).platform.tcbStatus, "OutOfDate");
  const newest = [platformLevel([3], 13, [5, 0, 3])];
  assert.equal(tcbOf({ svn: "050003", tcbInfo: { tcbLevels: newest } }).platform.tcbStatus, "UpToDate");
  assert.equal(assess({ svn: "040003", tcbInfo: { tcbLevels: newest } }).tcb, undefined);
});

test("assessTcb() judges the TDX module by the levels of its major version", () => {
  const moduleOf = (svn: string) => tcbOf({ svn }).tdxModule;
  assert.equal(moduleOf("060103")?.tcbStatus, "UpToDate");
  assert.equal(moduleOf("030303")?.tcbStatus, "UpToDate");
  assert.equal(moduleOf("050103")?.tcbStatus, "OutOfDate");
  assert.deepEqual(moduleOf("050103")?.lagging, [{ component: "isvsvn", got: 5, wanted: 6 }]);
  assert.equal(tcbOf({ svn: "020103" }).tcbStatus, "Revoked");
  assert.equal(assess({ svn: "010103" }).tcb, undefined);
  assert.equal(moduleOf("050003"), undefined);
});

test("assessTcb() judges the QE by its levels, and gathers what is known of all parts", () => {
  const tcb = tcbOf({ svn: "050103", qeIsvSvn: 5, components: OLDER });
  assert.equal(tcb.qe.tcbStatus, "OutOfDate");
  assert.deepEqual(tcb.qe.lagging, [{ component: "isvsvn", got: 5, wanted: 6 }]);
  assert.deepEqual(tcb.advisoryIDs, ["INTEL-SA-00001", "INTEL-SA-00002", "INTEL-SA-00003", "INTEL-SA-00004"]);
  assert.equal(tcbOf({ qeIsvSvn: 3 }).tcbStatus, "Revoked");
  assert.equal(assess({ qeIsvSvn: 1 }).tcb, undefined);
});

test("assessTcb() knows every status", () => {
  const tcbLevels = [platformLevel([3], 13, [5, 0, 3], "SWHardeningNeeded")];
  assert.equal(tcbOf({ tcbInfo: { tcbLevels } }).tcbStatus, "SWHardeningNeeded");
});

// The TD was started under an older module than the one that runs now.
const RELAUNCH: Setting = { svn: "050102", svn2: "060103" };

test("assessTcb() tells a TD that was started under an older TDX module", () => {
  assert.equal(tcbOf(RELAUNCH).relaunchAdvised, true);
  assert.equal(tcbOf(RELAUNCH).tcbStatus, "OutOfDate");
  assert.equal(tcbOf({ ...RELAUNCH, svn2: "030303" }).relaunchAdvised, true);
  assert.equal(tcbOf({ ...RELAUNCH, svn2: "050003" }).relaunchAdvised, true);
});

test("assessTcb() advises no relaunch where it would not mend all", () => {
  const isAdvised = (setting: Setting) => tcbOf(setting).relaunchAdvised;
  assert.equal(isAdvised({ svn: "050102" }), false, "a TDX 1.0 body does not say");
  assert.equal(isAdvised({ ...RELAUNCH, svn: "060102" }), false, "the module is up to date");
  assert.equal(isAdvised({ ...RELAUNCH, svn2: "050103" }), false, "the module that runs is not the newest");
  assert.equal(isAdvised({ ...RELAUNCH, svn2: "060102" }), false, "the microcode is not the newest");
  assert.equal(isAdvised({ ...RELAUNCH, svn2: "040003" }), false, "a module of version 0 is not the newest");
  assert.equal(isAdvised({ ...RELAUNCH, svn2: "060203" }), false, "a module that Intel does not list");
  assert.equal(isAdvised({ ...RELAUNCH, components: OLDER }), false, "the SGX TCB is out of date");
  assert.equal(isAdvised({ ...RELAUNCH, qeIsvSvn: 4 }), false, "the QE is out of date");
  assert.equal(isAdvised({ ...RELAUNCH, qeIsvSvn: 2 }), false, "the QE is revoked");
  assert.equal(isAdvised({ ...RELAUNCH, svn: "050101" }), false, "the platform is revoked");
  const tdxModuleIdentities = [
    { id: "TDX_02", ...INTEL_MODULE, tcbLevels: [] },
    { id: "TDX_01", ...INTEL_MODULE, tcbLevels: [isvSvnLevel(6), isvSvnLevel(4, "OutOfDate")] },
  ];
  assert.equal(isAdvised({ ...RELAUNCH, svn2: "060203", tcbInfo: { tdxModuleIdentities } }), false, "no levels");
});
