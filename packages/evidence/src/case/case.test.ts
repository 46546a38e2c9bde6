import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { parseCase, parsePolicyDocument } from "../case.ts";
import { errorOf } from "../testing/cases.ts";

const GOOD = {
  schema: 1,
  id: "folder/name",
  kind: "tdx",
  verify_time: "2026-01-01T00:00:00Z",
  files: { quote: "quote.bin" },
  roots: ["trust-roots/intel.pem"],
  policy: { nonce: null, allow_debug: false },
  expect: "pass",
};

function parse(change: object): ReturnType<typeof parseCase> {
  return parseCase(utf8(JSON.stringify({ ...GOOD, ...change })));
}

test("parseCase() reads a case, and leaves aside entries that are null", () => {
  const read = parse({ extra: 1 });
  assert.deepEqual(read, {
    id: "folder/name",
    kind: "tdx",
    verifyTime: new Date("2026-01-01T00:00:00Z"),
    files: new Map([["quote", "quote.bin"]]),
    roots: ["trust-roots/intel.pem"],
    policy: { allow_debug: false },
    banks: [],
    akPublicFormat: "tpmt-public",
    expect: "pass",
    reasonCode: undefined,
  });
  const other = parse({ verify_time: null, banks: ["sha256"], ak_public_format: "spki-der", reason_code: "x" });
  assert.deepEqual(
    [other.verifyTime, other.banks, other.akPublicFormat, other.reasonCode],
    [undefined, ["sha256"], "spki-der", "x"],
  );
});

test("parseCase() takes a member that is null for one that is left out", () => {
  const optional = { verify_time: null, roots: null, policy: null, banks: null, reason_code: null };
  const read = parse({ ...optional, files: { quote: "quote.bin", ccel: null } });
  assert.deepEqual(
    [read.verifyTime, read.roots, read.policy, read.banks, read.reasonCode],
    [undefined, [], {}, [], undefined],
  );
  assert.deepEqual([...read.files.keys()], ["quote"]);
  assert.deepEqual(parse({ verify_time: undefined, roots: undefined, policy: undefined }).roots, []);
});

test("parseCase() reads a time without a zone as UTC", () => {
  for (const time of ["2026-01-01T12:30:00", "2026-01-01T12:30:00.000", "2026-01-01T13:30:00+01:00"]) {
    assert.equal(parse({ verify_time: time }).verifyTime?.toISOString(), "2026-01-01T12:30:00.000Z");
  }
});

test("parseCase() refuses every wrong member, and names of files outside the folder", () => {
  for (const [path, change] of [
    ["schema", { schema: 2 }],
    ["id", { id: "a b" }],
    ["verify_time", { verify_time: "tomorrow" }],
    ["verify_time", { verify_time: 5 }],
    ["files", { files: [] }],
    ["files.quote", { files: { quote: "../quote" } }],
    ["files.quote", { files: { quote: ".hidden" } }],
    ["roots", { roots: {} }],
    ["roots.0", { roots: ["/etc/passwd"] }],
    ["roots.0", { roots: ["a/../b"] }],
    ["policy", { policy: 1 }],
    ["expect", { expect: "maybe" }],
    ["banks.0", { banks: ["sha999"] }],
    ["banks.0", { banks: ["sha3"] }],
    ["reason_code", { reason_code: "" }],
  ] as const) {
    const error = errorOf(() => parse(change));
    assert.equal(error?.code, "case_malformed", path);
    assert.deepEqual(
      error.findings.map((finding) => finding.path),
      [path],
    );
  }
});

test("parseCase() refuses what is no JSON, no object, and of no known kind", () => {
  assert.equal(errorOf(() => parseCase(utf8("{")))?.code, "case_malformed");
  assert.equal(errorOf(() => parseCase(utf8("[]")))?.code, "case_malformed");
  assert.equal(errorOf(() => parse({ kind: "sgx" }))?.code, "kind_unknown");
});

test("parsePolicyDocument() reads kind and schema, and leaves the policy to its kind", () => {
  const document = { schema: 1, kind: "tdx", policy: { a: 1 } } as const;
  assert.deepEqual(parsePolicyDocument(utf8(JSON.stringify(document))), document);
  assert.equal(parsePolicyDocument(utf8('{"schema":1,"kind":"tdx"}')).policy, null);
});

test("parsePolicyDocument() refuses other schemas and kinds, in few words", () => {
  for (const [path, json] of [
    ["schema", '{"kind":"tdx","policy":{}}'],
    ["schema", `{"schema":"${"x".repeat(10_000)}","kind":"tdx","policy":{}}`],
    ["kind", '{"schema":1,"kind":"sgx","policy":{}}'],
    ["", "{"],
    ["", "[]"],
  ] as const) {
    const error = errorOf(() => parsePolicyDocument(utf8(json)));
    assert.equal(error?.code, "policy_malformed", json.slice(0, 40));
    assert.equal(error.findings[0]?.path, path);
    assert.ok(error.message.length < 1000);
  }
});
