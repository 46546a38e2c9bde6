import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHclReport, parseRuntimeClaims, reportDataOf } from "@constellation/hcl";
import { FakeParavisor, FakeTpm, writeHclReport } from "../index.ts";

const paravisor = new FakeParavisor(new FakeTpm("rsa"), { "console-enabled": true });

test("FakeParavisor.hclReport() is around evidence of both kinds, which is bound to its claims", () => {
  for (const reportType of ["sev-snp", "tdx"] as const) {
    const report = parseHclReport(paravisor.hclReport(reportType, new Uint8Array(1024).fill(1)));
    assert.equal(report.reportType, reportType);
    assert.deepEqual(reportDataOf(report), paravisor.reportData);
    const { vmConfiguration } = parseRuntimeClaims(report.variableData);
    assert.equal(vmConfiguration["console-enabled"], true);
    assert.equal(vmConfiguration["secure-boot"], true);
  }
});

test("writeHclReport() writes each version and hash", () => {
  const parts = { reportType: "tdx", hwReport: new Uint8Array(1184), variableData: paravisor.variableData } as const;
  for (const version of [1, 2]) assert.equal(parseHclReport(writeHclReport({ ...parts, version })).version, version);
  for (const hash of ["sha256", "sha384", "sha512"] as const) {
    assert.equal(parseHclReport(writeHclReport({ ...parts, hash })).reportDataHashType, hash);
  }
});
