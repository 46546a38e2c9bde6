import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, hex, utf8 } from "@constellation/bytes";
import { FakeAmd } from "@constellation/sev-snp/testing";
import { derToPem } from "@constellation/x509";
import { refusal } from "../testing/errors.ts";
import { crlBytes, readCertificate, readCrl, reading, readPemChain } from "./forms.ts";

const amd = new FakeAmd();
const [ask, ark] = [derToPem(amd.ask), derToPem(amd.ark)];
const crl = amd.issueCrl([]);

test("readPemChain() gives certificates in their order", () => {
  for (const text of [`${ask}${ark}`, `\n${ask.trim()}${ark}\r\n\t`, `${ask}\n\n${ark}`.replaceAll("\n", "\r\n")]) {
    assert.deepEqual(readPemChain("chain", utf8(text)), [amd.ask, amd.ark]);
  }
});

test("readPemChain() refuses what is no certificates only", () => {
  for (const text of [
    "",
    "\n",
    "<html>",
    `${ask}x`,
    `x${ask}`,
    `${ask}\0`,
    ask.replace("END", "AND"),
    ask.slice(0, -5),
  ]) {
    assert.throws(() => readPemChain("chain", utf8(text)), refusal("malformed", "Read chain failed"), text);
  }
  const notBase64 = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----";
  const notCertificate = derToPem(crl);
  for (const text of [notBase64, notCertificate]) {
    assert.throws(() => readPemChain("chain", utf8(text)), refusal("malformed"), text);
  }
  assert.throws(() => readPemChain("chain", Uint8Array.of(0xff)), refusal("malformed"));
  assert.throws(() => readPemChain("chain", utf8(ask.padEnd(65_537))), refusal("malformed", "65537 bytes"));
});

test("readCertificate() and readCrl() refuse bytes that are none", () => {
  assert.doesNotThrow(() => readCertificate("ARK", amd.ark));
  assert.doesNotThrow(() => readCrl("CRL", crl));
  assert.throws(() => readCertificate("ARK", crl), refusal("malformed", "Read ARK failed"));
  assert.throws(() => readCrl("CRL", amd.ark), refusal("malformed", "Read CRL failed"));
  assert.throws(() => readCrl("CRL", new Uint8Array()), refusal("malformed"));
});

test("crlBytes() takes DER, and DER in hexadecimal", () => {
  assert.deepEqual(crlBytes("CRL", crl), crl);
  assert.deepEqual(crlBytes("CRL", utf8(hex(crl))), crl);
  assert.deepEqual(crlBytes("CRL", utf8(`${hex(crl).toUpperCase()}\n`)), crl);
  assert.throws(() => crlBytes("CRL", utf8("3g")), refusal("malformed"));
  assert.throws(() => crlBytes("CRL", concat(utf8("3"), Uint8Array.of(0xff))), refusal("malformed"));
});

test("reading() hands on defects", () => {
  const broken = () => {
    throw new RangeError("defect");
  };
  assert.throws(() => reading("CRL", broken), RangeError);
});
