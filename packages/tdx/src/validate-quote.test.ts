import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex } from "@constellation/bytes";
import {
  FAKE_BODY,
  FakeIntel,
  type FakeBody,
  type FakeCollateralRequest,
  platformLevel,
  verifyGenuineFake,
} from "./testing/index.ts";
import {
  type Check,
  openQuotePolicy,
  parseQuote,
  type QuotePolicy,
  type TcbAssessment,
  TD_ATTRIBUTES,
  type TdAttribute,
  validateQuote,
} from "./index.ts";
import { TD_ATTRIBUTE } from "./td-attributes.ts";

const intel = await FakeIntel.create();

function tcbOf(says: FakeCollateralRequest = {}, body: Partial<FakeBody> = {}): TcbAssessment {
  const { tcb } = verifyGenuineFake(intel, { quote: { version: 5, tdxVersion: "1.5", body }, says });
  assert.ok(tcb);
  return tcb;
}

const goodTcb = tcbOf();
const equal = <T>(...anyOf: readonly T[]) => ({ kind: "equal", anyOf }) as const;
const off = Object.fromEntries(TD_ATTRIBUTES.map((name) => [name, equal(name === "SEPT_VE_DISABLE")])) as Record<
  TdAttribute,
  { kind: "equal"; anyOf: readonly boolean[] }
>;

/** A policy that wants the fake TD exactly as it is. */
const exact: QuotePolicy = {
  MRSEAM: equal(FAKE_BODY.MRSEAM),
  MRSIGNERSEAM: equal(FAKE_BODY.MRSIGNERSEAM),
  SEAMATTRIBUTES: equal(FAKE_BODY.SEAMATTRIBUTES),
  TDATTRIBUTES: off,
  XFAM: equal(0x602e7n),
  MRTD: equal(FAKE_BODY.MRTD),
  MRCONFIGID: equal(FAKE_BODY.MRCONFIGID),
  MROWNER: equal(FAKE_BODY.MROWNER),
  MROWNERCONFIG: equal(FAKE_BODY.MROWNERCONFIG),
  RTMR0: equal(FAKE_BODY.RTMR0),
  RTMR1: equal(FAKE_BODY.RTMR1),
  RTMR2: equal(FAKE_BODY.RTMR2),
  RTMR3: equal(FAKE_BODY.RTMR3),
  REPORTDATA: { kind: "equal", value: FAKE_BODY.REPORTDATA },
  MRSERVICETD: equal(FAKE_BODY.MRSERVICETD),
  tcb: { kind: "judged", acceptedTcbStatuses: ["UpToDate"], minimumTcbEvaluationDataNumber: 17 },
};

interface Setting {
  readonly body?: Partial<FakeBody>;
  readonly policy?: Partial<QuotePolicy>;
  readonly tcb?: TcbAssessment | undefined;
  readonly version?: 4 | 5;
}

function validate(setting: Setting = {}): Check[] {
  const { body = {}, policy, version = 5 } = setting;
  const quote = parseQuote(intel.quote({ version, tdxVersion: "1.5", body }));
  const tcb = "tcb" in setting ? setting.tcb : goodTcb;
  return validateQuote({ quote, tcb }, { ...exact, ...policy });
}

function failures(setting: Setting): string[] {
  return validate(setting).flatMap((check) => (check.outcome === "fail" ? [`${check.name}: ${check.code}`] : []));
}

function bits(...positions: readonly number[]): Uint8Array {
  const value = positions.reduce((mask, position) => mask | (1n << BigInt(position)), 0n);
  return new Uint8Array(BigUint64Array.of(value).buffer);
}

test("validateQuote() accepts what a policy wants exactly", () => {
  const checks = validate();
  assert.ok(checks.every(({ outcome }) => outcome === "pass"));
  assert.deepEqual(
    checks.map(({ name, speaksFor }) => `${name} ${speaksFor}`),
    [
      "TDATTRIBUTES.DEBUG runtime-opaque.memory",
      "TDATTRIBUTES.HGS_PLUS_PROF configuration.setting",
      "TDATTRIBUTES.PERF_PROF configuration.setting",
      "TDATTRIBUTES.PMT_PROF configuration.setting",
      "TDATTRIBUTES.ICSSD configuration.setting",
      "TDATTRIBUTES.LASS configuration.setting",
      "TDATTRIBUTES.SEPT_VE_DISABLE configuration.setting",
      "TDATTRIBUTES.MIGRATABLE configuration.setting",
      "TDATTRIBUTES.PKS configuration.setting",
      "TDATTRIBUTES.KL configuration.setting",
      "TDATTRIBUTES.TPA configuration.setting",
      "TDATTRIBUTES.PERFMON configuration.setting",
      "TDATTRIBUTES.reserved configuration.detail",
      "XFAM configuration.setting",
      "XFAM.reserved configuration.detail",
      "MRSEAM hardware.detail",
      "MRSIGNERSEAM hardware.detail",
      "SEAMATTRIBUTES hardware.detail",
      "MRTD executables.firmware",
      "MRCONFIGID configuration.detail",
      "MROWNER configuration.detail",
      "MROWNERCONFIG configuration.detail",
      "RTMR0 configuration.setting",
      "RTMR1 executables.boot",
      "RTMR2 executables.boot",
      "RTMR3 executables.detail",
      "REPORTDATA instance-identity.binding",
      "MRSERVICETD configuration.setting",
      "tcb.tcbStatus hardware.firmware",
      "tcb.tcbEvaluationDataNumber hardware.detail",
    ],
  );
});

test("validateQuote() accepts anything by choice, and says so", () => {
  const quote = parseQuote(intel.quote());
  const checks = validateQuote({ quote, tcb: undefined }, openQuotePolicy({ kind: "any", reason: "a test" }));
  const always = ["TDATTRIBUTES.reserved", "XFAM.reserved"];
  for (const { name, outcome } of checks) {
    assert.equal(outcome, always.includes(name) ? "pass" : "accepted-by-choice", name);
  }
  assert.deepEqual(
    checks.map(({ name }) => name),
    validate().map(({ name }) => name),
  );
});

const MEASURED = {
  MRSEAM: "mrseam",
  MRSIGNERSEAM: "mrsignerseam",
  SEAMATTRIBUTES: "seam_attributes",
  MRTD: "mrtd",
  MRCONFIGID: "mrconfigid",
  MROWNER: "mrowner",
  MROWNERCONFIG: "mrownerconfig",
  RTMR0: "rtmr0",
  RTMR1: "rtmr1",
  RTMR2: "rtmr2",
  RTMR3: "rtmr3",
  MRSERVICETD: "mrservicetd",
  REPORTDATA: "report_data",
} as const;

for (const [name, code] of Object.entries(MEASURED) as [keyof typeof MEASURED, string][]) {
  test(`validateQuote() refuses another ${name}`, () => {
    const value = FAKE_BODY[name].slice();
    value[0] = (value[0] as number) ^ 1;
    assert.deepEqual(failures({ body: { [name]: value } }), [`${name}: ${code}`]);
  });
}

test("validateQuote() accepts one of several values, and none of an empty list", () => {
  assert.deepEqual(failures({ policy: { MRTD: equal(FAKE_BODY.RTMR0, FAKE_BODY.MRTD) } }), []);
  assert.deepEqual(failures({ policy: { MRTD: equal<Uint8Array>() } }), ["MRTD: mrtd"]);
});

test("validateQuote() judges each TD attribute", () => {
  for (const name of TD_ATTRIBUTES) {
    const code = name === "DEBUG" ? "td_debug" : "td_attributes";
    const TDATTRIBUTES = bits(...new Set([28, TD_ATTRIBUTE[name]]));
    if (name === "SEPT_VE_DISABLE") {
      assert.deepEqual(failures({ body: { TDATTRIBUTES: bits() } }), [`TDATTRIBUTES.${name}: ${code}`]);
      continue;
    }
    assert.deepEqual(failures({ body: { TDATTRIBUTES } }), [`TDATTRIBUTES.${name}: ${code}`]);
    const policy = { TDATTRIBUTES: { ...off, [name]: equal(true) } };
    assert.deepEqual(failures({ body: { TDATTRIBUTES }, policy }), []);
    assert.deepEqual(failures({ policy }), [`TDATTRIBUTES.${name}: ${code}`]);
  }
});

test("validateQuote() refuses reserved TD attributes whatever the policy", () => {
  const defined = new Set<number>(Object.values(TD_ATTRIBUTE));
  const { TDATTRIBUTES } = openQuotePolicy({ kind: "any", reason: "a test" });
  for (let bit = 0; bit < 64; bit++) {
    const wanted = defined.has(bit) ? [] : ["TDATTRIBUTES.reserved: td_attributes_reserved"];
    assert.deepEqual(failures({ body: { TDATTRIBUTES: bits(bit) }, policy: { TDATTRIBUTES } }), wanted, `bit ${bit}`);
  }
});

test("validateQuote() judges XFAM exactly and by what is allowed", () => {
  const XFAM = bits(0, 1, 2);
  assert.deepEqual(failures({ body: { XFAM } }), ["XFAM: xfam"]);
  assert.deepEqual(failures({ body: { XFAM }, policy: { XFAM: equal(3n, 7n) } }), []);
  assert.deepEqual(failures({ policy: { XFAM: equal<bigint>() } }), ["XFAM: xfam"]);
  assert.deepEqual(failures({ body: { XFAM }, policy: { XFAM: { kind: "within", allowed: 0x602e7n } } }), []);
  assert.deepEqual(failures({ policy: { XFAM: { kind: "within", allowed: 0x2e7n } } }), ["XFAM: xfam"]);
});

test("validateQuote() shows what XFAM is and may be", () => {
  const shown = (XFAM: QuotePolicy["XFAM"]): unknown[] => {
    return validate({ policy: { XFAM } }).flatMap(({ name, got, wanted }) => (name === "XFAM" ? [got, wanted] : []));
  };
  assert.deepEqual(shown(equal(3n, 0x602e7n)), ["0x602e7", "0x3 or 0x602e7"]);
  assert.deepEqual(shown(equal<bigint>()), ["0x602e7", "none, the list is empty"]);
  assert.deepEqual(shown({ kind: "within", allowed: 7n }), ["0x602e7", "none but 0x7"]);
});

test("validateQuote() refuses XFAM with bits without a feature, or without x87 and SSE, whatever the policy", () => {
  const reserved = [3, 4, 10, 13, 16, ...Array.from({ length: 44 }, (_, index) => 20 + index)];
  const policy = { XFAM: { kind: "any", reason: "a test" } } as const;
  for (let bit = 2; bit < 64; bit++) {
    const wanted = reserved.includes(bit) ? ["XFAM.reserved: xfam_reserved"] : [];
    assert.deepEqual(failures({ body: { XFAM: bits(0, 1, bit) }, policy }), wanted, `bit ${bit}`);
  }
  for (const bit of [0, 1]) {
    assert.deepEqual(failures({ body: { XFAM: bits(bit) }, policy }), ["XFAM.reserved: xfam_reserved"]);
  }
});

test("validateQuote() judges REPORTDATA by its front", () => {
  const with12 = { REPORTDATA: { kind: "prefix", prefix: FAKE_BODY.REPORTDATA.subarray(0, 12) } } as const;
  const changed = FAKE_BODY.REPORTDATA.slice();
  changed[12] = 0;
  assert.deepEqual(failures({ policy: with12, body: { REPORTDATA: changed } }), []);
  changed[11] = 0;
  assert.deepEqual(failures({ policy: with12, body: { REPORTDATA: changed } }), ["REPORTDATA: report_data"]);
  for (const length of [1, 64]) {
    const REPORTDATA = { kind: "prefix", prefix: FAKE_BODY.REPORTDATA.subarray(0, length) } as const;
    assert.deepEqual(failures({ policy: { REPORTDATA } }), []);
  }
});

test("validateQuote() refuses a front of REPORTDATA that says nothing or too much", () => {
  for (const prefix of [new Uint8Array(), new Uint8Array(65).fill(0xda)]) {
    assert.deepEqual(failures({ policy: { REPORTDATA: { kind: "prefix", prefix } } }), ["REPORTDATA: report_data"]);
  }
  const value = FAKE_BODY.REPORTDATA.subarray(1);
  assert.deepEqual(failures({ policy: { REPORTDATA: { kind: "equal", value } } }), ["REPORTDATA: report_data"]);
});

test("validateQuote() refuses a TDX 1.0 body where MRSERVICETD is wanted", () => {
  assert.deepEqual(failures({ version: 4 }), ["MRSERVICETD: mrservicetd"]);
  assert.deepEqual(failures({ version: 4, policy: { MRSERVICETD: { kind: "any", reason: "a test" } } }), []);
});

const OUT_OF_DATE = { tcbInfo: { tcbLevels: [platformLevel([0], 0, [0], "OutOfDate")] } };
const BOTH = ["tcb.tcbStatus: tcb_status", "tcb.tcbEvaluationDataNumber: tcb_evaluation_data_number"];

test("validateQuote() judges the TCB status", () => {
  assert.deepEqual(failures({ tcb: tcbOf(OUT_OF_DATE) }), ["tcb.tcbStatus: tcb_status"]);
  const judged = { kind: "judged", minimumTcbEvaluationDataNumber: 0 } as const;
  const lenient = { tcb: { ...judged, acceptedTcbStatuses: ["UpToDate", "OutOfDate"] } } as const;
  assert.deepEqual(failures({ tcb: tcbOf(OUT_OF_DATE), policy: lenient }), []);
  assert.deepEqual(failures({ policy: { tcb: { ...judged, acceptedTcbStatuses: [] } } }), [
    "tcb.tcbStatus: tcb_status",
  ]);
});

test("validateQuote() refuses where a TCB status is wanted and was not found", () => {
  assert.deepEqual(failures({ tcb: undefined }), BOTH);
});

test("validateQuote() never accepts a revoked TCB", () => {
  const tcb = tcbOf({ tcbInfo: { tcbLevels: [platformLevel([0], 0, [0], "Revoked")] } });
  assert.deepEqual(failures({ tcb, policy: { tcb: { kind: "any", reason: "a test" } } }), [
    "tcb.tcbStatus: tcb_status",
  ]);
  const forced = ["Revoked"] as unknown as readonly ["UpToDate"];
  const judged = { kind: "judged", acceptedTcbStatuses: forced, minimumTcbEvaluationDataNumber: 0 } as const;
  assert.deepEqual(failures({ tcb, policy: { tcb: judged } }), ["tcb.tcbStatus: tcb_status"]);
});

test("validateQuote() refuses collateral from before a TCB recovery", () => {
  const wanted = ["tcb.tcbEvaluationDataNumber: tcb_evaluation_data_number"];
  assert.deepEqual(failures({ tcb: tcbOf({ tcbInfo: { tcbEvaluationDataNumber: 16 } }) }), wanted);
  assert.deepEqual(failures({ tcb: tcbOf({ qeIdentity: { tcbEvaluationDataNumber: 16 } }) }), wanted);
  const newer = validate({ tcb: tcbOf({ tcbInfo: { tcbEvaluationDataNumber: 18 } }) });
  assert.ok(newer.every(({ outcome }) => outcome === "pass"));
  assert.deepEqual([newer.at(-1)?.got, newer.at(-1)?.wanted], ["TCB info 18, QE identity 17", "17 or more"]);
});

test("validateQuote() says what lags and what would mend it", () => {
  const body = { TEE_TCB_SVN: fromHex("05010200000000000000000000000000") };
  const found = validate({ tcb: tcbOf({}, body) }).find(({ name }) => name === "tcb.tcbStatus");
  assert.equal(
    found?.got,
    "OutOfDate, platform tdxtcbcomponents[2] (TDX Late Microcode Update) 2 of 3, TDX module isvsvn 5 of 6, a relaunch of the TD would mend it",
  );
  const qe = { ...goodTcb.qe, lagging: [{ component: "isvsvn", got: 1, wanted: 2 }] };
  const lagging = validate({ tcb: { ...goodTcb, qe } }).find(({ name }) => name === "tcb.tcbStatus");
  assert.equal(lagging?.got, "UpToDate, QE isvsvn 1 of 2");
  const old = validate({ tcb: tcbOf(OUT_OF_DATE, { TEE_TCB_SVN: fromHex("05000300000000000000000000000000") }) });
  assert.equal(old.find(({ name }) => name === "tcb.tcbStatus")?.got, "OutOfDate");
});

/** What the check of a name speaks for. */
function aspectOf(name: string, setting: Setting): string | undefined {
  return validate(setting).find((check) => check.name === name)?.speaksFor;
}

test("validateQuote() says that Intel knows vulnerabilities of a platform that is not up to date, accepted or not", () => {
  const old: TcbAssessment = { ...goodTcb, tcbStatus: "OutOfDate" };
  const name = "tcb.tcbStatus";
  const any = { kind: "any", reason: "test" } as const;
  const accepted = { ...exact.tcb, acceptedTcbStatuses: ["OutOfDate"] } as QuotePolicy["tcb"];
  assert.equal(aspectOf(name, { tcb: old, policy: { tcb: accepted } }), "hardware.vulnerable");
  assert.equal(aspectOf(name, { tcb: old, policy: { tcb: any } }), "hardware.vulnerable");
  assert.equal(aspectOf(name, { tcb: undefined, policy: { tcb: any } }), "hardware.firmware");
  assert.equal(aspectOf(name, {}), "hardware.firmware");
});

test("validateQuote() takes a register that nothing was measured into for no boot code", () => {
  assert.equal(aspectOf("RTMR1", {}), "executables.boot");
  assert.equal(aspectOf("RTMR1", { body: { RTMR1: new Uint8Array(48) } }), "executables.firmware");
  assert.equal(aspectOf("MRTD", {}), "executables.firmware");
});

test("validateQuote() lets a TDX 1.0 body, which does not say, speak for no setting", () => {
  const any = { kind: "any", reason: "test" } as const;
  assert.equal(aspectOf("MRSERVICETD", { version: 4, policy: { MRSERVICETD: any } }), "configuration.detail");
});

test("validateQuote() says that the host can look into a TD with debugging, accepted or not", () => {
  const DEBUG = { kind: "any", reason: "test" } as const;
  const policy = { TDATTRIBUTES: { ...off, DEBUG } };
  const name = "TDATTRIBUTES.DEBUG";
  assert.equal(aspectOf(name, { policy }), "runtime-opaque.memory");
  const debug = Uint8Array.from(FAKE_BODY.TDATTRIBUTES);
  debug[0] = (debug[0] as number) | 1;
  assert.equal(aspectOf(name, { policy, body: { TDATTRIBUTES: debug } }), "runtime-opaque.debug");
});
