import assert from "node:assert/strict";
import { test } from "node:test";
import { caChainUrl, crlUrl, vcekUrl } from "./kds-url.ts";
import { reportFields } from "./testing/report-writer.ts";

test("vcekUrl() names the chip and its reported TCB", () => {
  assert.equal(
    vcekUrl(reportFields("Milan"), "Milan"),
    `https://kdsintf.amd.com/vcek/v1/Milan/${"c1".repeat(64)}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219`,
  );
  assert.equal(
    vcekUrl(reportFields("Turin"), "Turin"),
    "https://kdsintf.amd.com/vcek/v1/Turin/c1c1c1c1c1c1c1c1?fmcSPL=01&blSPL=02&teeSPL=00&snpSPL=05&ucodeSPL=32",
  );
});

test("vcekUrl() gives nothing for a masked chip", () => {
  assert.equal(vcekUrl({ ...reportFields("Milan"), chipId: new Uint8Array(64) }, "Milan"), undefined);
});

test("caChainUrl() and crlUrl() name the product line", () => {
  assert.equal(caChainUrl("VCEK", "Genoa"), "https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain");
  assert.equal(caChainUrl("VLEK", "Milan"), "https://kdsintf.amd.com/vlek/v1/Milan/cert_chain");
  assert.equal(crlUrl("VCEK", "Turin"), "https://kdsintf.amd.com/vcek/v1/Turin/crl");
  assert.equal(crlUrl("VLEK", "Turin"), "https://kdsintf.amd.com/vlek/v1/Turin/crl");
});
