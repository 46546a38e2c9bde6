import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromUtf8, hex, utf8 } from "@constellation/bytes";
import { fakeTcbInfo, type Json, newKeys, platformLevel, signedAnswer } from "./testing/index.ts";
import { parseTcbInfo, TdxError } from "./index.ts";

const keys = newKeys();
const answer = (object: Json) => signedAnswer("tcbInfo", object, keys);
const refused = (error: unknown) => error instanceof TdxError && error.code === "tcb_info_format";

function refuses(object: Json): void {
  assert.throws(() => parseTcbInfo(answer({ ...fakeTcbInfo(), ...object })), refused, JSON.stringify(object));
}

test("parseTcbInfo() reads TDX TCB info", () => {
  const info = parseTcbInfo(answer(fakeTcbInfo()));
  assert.deepEqual([info.id, info.version, info.tcbType, info.tcbEvaluationDataNumber], ["TDX", 3, 0, 17]);
  assert.deepEqual([hex(info.fmspc), hex(info.pceId)], ["b0c06f000000", "0000"]);
  assert.equal(info.issueDate.toISOString(), "2025-12-15T00:00:00.000Z");
  assert.equal(info.nextUpdate.toISOString(), "2026-01-15T00:00:00.000Z");
  assert.equal(info.signature.length, 64);
  assert.equal(hex(info.tdxModule?.attributesMask ?? new Uint8Array()), "ff".repeat(8));
  assert.deepEqual(
    info.tdxModuleIdentities.map(({ id }) => id),
    ["TDX_03", "TDX_01"],
  );
  assert.deepEqual(info.tdxModuleIdentities[1]?.tcbLevels[1], {
    isvsvn: 4,
    tcbDate: new Date("2024-03-13T00:00:00Z"),
    tcbStatus: "OutOfDate",
    advisoryIDs: ["INTEL-SA-00002", "INTEL-SA-00003"],
  });
  const [newest] = info.tcbLevels;
  assert.equal(newest?.pcesvn, 13);
  assert.deepEqual(newest?.sgxtcbcomponents[7], { svn: 5 });
  assert.deepEqual(newest?.tdxtcbcomponents[2], { svn: 3, category: "OS/VMM", type: "TDX Late Microcode Update" });
  assert.deepEqual(newest?.advisoryIDs, []);
});

test("parseTcbInfo() reads SGX TCB info, and what came with later answers of the PCS", () => {
  const { tdxModule: _module, tdxModuleIdentities: _identities, ...common } = fakeTcbInfo();
  const level = platformLevel([1], 1, []);
  const sgx = parseTcbInfo(answer({ ...common, id: "SGX", tcbLevels: [level], added: { later: true } }));
  assert.equal(sgx.tdxModule, undefined);
  assert.deepEqual([sgx.tdxModuleIdentities, sgx.tcbLevels[0]?.tdxtcbcomponents], [[], []]);
});

test("parseTcbInfo() gives the signed bytes as they stand", () => {
  const inner = `{ "x" : "\\u0041\u00e9", ${JSON.stringify(fakeTcbInfo()).slice(1)}`;
  const bytes = utf8(` {"signature" : "${"0a".repeat(64)}",\n"tcbInfo" :${inner} } `);
  assert.equal(fromUtf8(parseTcbInfo(bytes).signed), inner);
});

test("parseTcbInfo() refuses answers of another form", () => {
  const good = fromUtf8(answer(fakeTcbInfo()));
  const texts = [
    "",
    "[]",
    "null",
    `${good}x`,
    good.replace('"signature"', '"Signature"'),
    good.replace('"tcbInfo"', '"enclaveIdentity"'),
    `{"more":1,${good.slice(1)}`,
    `{"signature":"${"00".repeat(64)}",${good.slice(1)}`,
    good.replace('"id":"TDX"', '"id":"SGX","id":"TDX"'),
    `{"tcbInfo":[],"signature":"${"00".repeat(64)}"}`,
    good.replace(/"signature":"../, '"signature":"'),
    good.replace(/"signature":"./, '"signature":"g'),
    good.replace(/"signature":".*"/, '"signature":1'),
  ];
  for (const text of texts) assert.throws(() => parseTcbInfo(utf8(text)), refused, text.slice(0, 60));
  assert.throws(() => parseTcbInfo(Uint8Array.of(0xff)), refused);
  assert.throws(() => parseTcbInfo(utf8("[".repeat(100_000))), refused);
  assert.throws(() => parseTcbInfo(concat(utf8(good), new Uint8Array(1024 * 1024).fill(0x20))), refused);
});

test("parseTcbInfo() refuses members of another form", () => {
  refuses({ id: "QE" });
  refuses({ id: 1 });
  refuses({ version: 2 });
  refuses({ version: "3" });
  refuses({ tcbType: 1 });
  refuses({ issueDate: "2025-12-15" });
  refuses({ issueDate: "2025-12-15T00:00:00+00:00" });
  refuses({ issueDate: "2025-02-30T00:00:00Z" });
  refuses({ issueDate: "2025-06-19T24:00:00Z" });
  refuses({ nextUpdate: "2025-13-01T00:00:00Z" });
  refuses({ nextUpdate: 1 });
  refuses({ nextUpdate: undefined });
  refuses({ fmspc: "B0C06F0000" });
  refuses({ fmspc: "x".repeat(500) });
  refuses({ pceId: null });
  refuses({ tcbEvaluationDataNumber: -1 });
  refuses({ tcbEvaluationDataNumber: 1.5 });
  refuses({ tcbEvaluationDataNumber: 2 ** 60 });
  refuses({ tcbEvaluationDataNumber: "17" });
  refuses({ tdxModule: undefined });
  refuses({ tdxModule: [] });
  refuses({ tdxModule: { mrsigner: "00" } });
  refuses({ tdxModuleIdentities: {} });
  refuses({ tdxModuleIdentities: [{ id: 1 }] });
  refuses({ tcbLevels: "none" });
  refuses({ tcbLevels: [1] });
  refuses({ tcbLevels: [{}] });
});

test("parseTcbInfo() refuses levels of another form", () => {
  const level = platformLevel([1], 1, [1]);
  const tcb = level["tcb"] as Json;
  const components = tcb["sgxtcbcomponents"] as Json[];
  const wrong: Json[] = [
    { tcbStatus: "Fine" },
    { tcbDate: "now" },
    { advisoryIDs: "INTEL-SA-00001" },
    { advisoryIDs: [1] },
    { tcb: { ...tcb, pcesvn: 0x10000 } },
    { tcb: { ...tcb, sgxtcbcomponents: components.slice(1) } },
    { tcb: { ...tcb, tdxtcbcomponents: undefined } },
    { tcb: { ...tcb, tdxtcbcomponents: [...components, { svn: 1 }] } },
    { tcb: { ...tcb, sgxtcbcomponents: [{ svn: 256 }, ...components.slice(1)] } },
    { tcb: { ...tcb, sgxtcbcomponents: [{ svn: 1, category: 2 }, ...components.slice(1)] } },
    { tcb: { ...tcb, sgxtcbcomponents: [{ svn: 1, type: [] }, ...components.slice(1)] } },
  ];
  for (const change of wrong) refuses({ tcbLevels: [{ ...level, ...change }] });
});
