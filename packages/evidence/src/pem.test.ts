import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { pemToDer } from "@constellation/x509";
import { certificatesIn, pemCertificates, rootsOf } from "./pem.ts";
import { errorOf, goodCases, readTestCase } from "./testing/cases.ts";

const [root] = readTestCase(goodCases("nitro")[0] as string).roots as [string];

test("pemCertificates() reads PEM with text around it, and DER", () => {
  assert.deepEqual(pemCertificates(utf8(`a comment\n${root}\n${root}`)), [root.trim(), root.trim()]);
  assert.equal(pemCertificates(pemToDer(root)).length, 1);
});

test("pemCertificates() refuses files without a certificate, and with one that does not parse", () => {
  const broken = root.replace(/[A-Za-z]{4}/, "AAAA");
  for (const file of [utf8(""), utf8("text"), utf8(broken), Uint8Array.of(0x30)]) {
    assert.equal(errorOf(() => pemCertificates(file))?.code, "file_malformed");
  }
});

test("rootsOf() refuses what is no certificate with the package's own error", () => {
  assert.equal(rootsOf([root]).length, 1);
  assert.equal(errorOf(() => rootsOf(["x"]))?.code, "file_malformed");
});

test("certificatesIn() gives no bytes for a block that does not decode", () => {
  const block = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
  assert.deepEqual(certificatesIn(utf8(block)), [new Uint8Array()]);
  assert.deepEqual(certificatesIn(utf8("")), []);
});
