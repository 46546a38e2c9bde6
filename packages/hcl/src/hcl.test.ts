import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { HclError, type HclErrorCode, parseHclReport, parseRuntimeClaims, reportDataOf } from "./index.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors");
const BLOB = new Uint8Array(readFileSync(join(VECTORS, "azure/snp-milan-v3-trustee-v1/hcl_report.bin")));
const TDX_BLOB = new Uint8Array(readFileSync(join(VECTORS, "azure/tdx-trustee-v1/hcl_report.bin")));
const IGVM = 32 + 1184;

const refused = (code: HclErrorCode, text: RegExp) => (error: unknown) =>
  error instanceof HclError && error.code === code && text.test(error.message);

function changed(offset: number, value: number): Uint8Array {
  const copy = BLOB.slice();
  new DataView(copy.buffer).setUint32(offset, value, true);
  return copy;
}

test("parseHclReport() reads the blobs of SEV-SNP and TDX machines", () => {
  const snp = parseHclReport(BLOB);
  assert.deepEqual(
    [snp.version, snp.requestType, snp.status, snp.reportType, snp.reportDataHashType, snp.hwReport.length],
    [1, 2, 0, "sev-snp", "sha256", 1184],
  );
  assert.equal(
    hex(reportDataOf(snp)),
    `af2910341dd8108360e485f1b72494255190b9cdd5ccb44b73b883037cf99f21${"00".repeat(32)}`,
  );
  const tdx = parseHclReport(TDX_BLOB);
  assert.deepEqual([tdx.version, tdx.reportType], [2, "tdx"]);
});

test("parseHclReport() refuses other fields than the format's, and names them", () => {
  const cases: [Uint8Array, HclErrorCode, RegExp][] = [
    [changed(0, 0x414c4349), "hcl_format", /signature: got 0x414c4349/],
    [changed(4, 3), "hcl_format", /version: got 3, wanted 1 or 2/],
    [changed(8, 2347), "hcl_format", /reportSize: got 2347, wanted 2346/],
    [changed(20, 1), "hcl_format", /header\.reserved/],
    [changed(28, 1 << 24), "hcl_format", /header\.reserved/],
    [changed(IGVM, 1131), "hcl_format", /dataSize: got 1131, wanted 1130/],
    [changed(IGVM + 4, 2), "hcl_format", /runtime data version: got 2/],
    [changed(IGVM + 8, 3), "hcl_report_type", /reportType: got 3, wanted 2 \(sev-snp\) or 4 \(tdx\)/],
    [changed(IGVM + 12, 0), "hcl_format", /reportDataHashType: got 0/],
    [changed(IGVM + 16, 0xffffffff), "hcl_format", /variableDataSize: got 4294967295/],
    [changed(BLOB.length - 4, 1), "hcl_format", /bytes after the report/],
    [new Uint8Array(64 * 1024 + 1), "hcl_format", /65537 bytes/],
  ];
  for (const [blob, code, text] of cases) assert.throws(() => parseHclReport(blob), refused(code, text));
});

test("parseHclReport() refuses every shorter blob", () => {
  for (let length = 0; length < 2346; length++) {
    assert.throws(() => parseHclReport(BLOB.subarray(0, length)), HclError, `${length} bytes`);
  }
  assert.doesNotThrow(() => parseHclReport(BLOB.subarray(0, 2346)));
});

test("reportDataOf() uses the hash that the report names", () => {
  assert.equal(reportDataOf({ ...parseHclReport(BLOB), reportDataHashType: "sha512" }).indexOf(0), -1);
  assert.equal(hex(reportDataOf({ ...parseHclReport(BLOB), reportDataHashType: "sha384" })).slice(96), "00".repeat(16));
});

test("parseRuntimeClaims() reads keys, configuration and user data", () => {
  const { ak, ek, vmConfiguration, userData } = parseRuntimeClaims(parseHclReport(BLOB).variableData);
  assert.deepEqual([ak.kid, ak.modulus.length, hex(ak.exponent)], ["HCLAkPub", 256, "010001"]);
  assert.equal(ek?.kid, "HCLEkPub");
  assert.equal(vmConfiguration["secure-boot"], true);
  assert.equal(userData?.length, 64);
});

const KEY = { kid: "HCLAkPub", kty: "RSA", key_ops: ["sign"], n: "_-8B", e: "AQAB" };
const claims = (change: object): Uint8Array => utf8(JSON.stringify({ keys: [KEY], "vm-configuration": {}, ...change }));

test("parseRuntimeClaims() reads the attestation key of older paravisors, which call it one that encrypts", () => {
  const { ak } = parseRuntimeClaims(claims({ keys: [{ ...KEY, key_ops: ["encrypt"] }] }));
  assert.equal(hex(ak.modulus), "ffef01");
});

test("parseRuntimeClaims() does without endorsement key and user data", () => {
  const { ak, ek, userData } = parseRuntimeClaims(claims({}));
  assert.equal(hex(ak.modulus), "ffef01");
  assert.deepEqual([ek, userData], [undefined, undefined]);
});

test("parseRuntimeClaims() refuses claims of another shape, and names the field", () => {
  const cases: [object, RegExp][] = [
    [{ keys: {} }, /keys: got no list/],
    [{ keys: [] }, /keys: got no HCLAkPub/],
    [{ keys: [KEY, KEY] }, /keys: got 2 times HCLAkPub/],
    [{ keys: [null, [], "HCLAkPub"] }, /keys: got no HCLAkPub/],
    [{ keys: [{ ...KEY, kty: "EC" }] }, /HCLAkPub\.kty/],
    [{ keys: [{ ...KEY, key_ops: "sign" }] }, /HCLAkPub\.key_ops/],
    [{ keys: [{ ...KEY, key_ops: { 0: "sign", length: 1 } }] }, /HCLAkPub\.key_ops/],
    [{ keys: [{ ...KEY, key_ops: ["sign", "decrypt"] }] }, /HCLAkPub\.key_ops/],
    [{ keys: [{ ...KEY, key_ops: ["decrypt"] }] }, /HCLAkPub\.key_ops: got others, wanted sign or encrypt/],
    [{ keys: [KEY, { ...KEY, kid: "HCLEkPub" }] }, /HCLEkPub\.key_ops: got others, wanted encrypt/],
    [{ keys: [{ ...KEY, n: 1 }] }, /HCLAkPub\.n: got no base64url/],
    [{ keys: [{ ...KEY, n: "a+b=" }] }, /HCLAkPub\.n: got no base64url/],
    [{ keys: [{ ...KEY, n: "AQABA" }] }, /HCLAkPub\.n: Decode base64/],
    [{ keys: [{ ...KEY, e: "AAEAAQ" }] }, /HCLAkPub\.e: got a leading zero/],
    [{ "vm-configuration": [] }, /vm-configuration/],
    [{ "user-data": 1 }, /user-data: got no text/],
    [{ "user-data": "xy" }, /user-data: /],
    [{ "user-data": "00" }, /user-data: got 1 bytes/],
  ];
  for (const [change, text] of cases) {
    assert.throws(() => parseRuntimeClaims(claims(change)), refused("hcl_claims", text));
  }
  assert.throws(() => parseRuntimeClaims(utf8('{"keys":[],"keys":[]}')), refused("hcl_claims", /key twice/));
});
