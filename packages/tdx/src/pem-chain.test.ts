import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, utf8 } from "@constellation/bytes";
import { issueCertificate } from "./testing/index.ts";
import { TdxError } from "./index.ts";
import { type KnownCertificates, parsePemChain } from "./pem-chain.ts";

const one = await issueCertificate({ commonName: "One" });
const two = await issueCertificate({ commonName: "Two" });
/** Like the first in all but key and signature. */
const three = await issueCertificate({ commonName: "One" });
const pem = one.pem.trimEnd();

test("parsePemChain() reads certificates in their order", () => {
  const texts = [
    `${pem}\n${two.pem}`,
    `${pem}\n\n${two.pem}\n\n`,
    `\n\r\n${pem}\n${two.pem}`,
    `${pem}\n${two.pem.trimEnd()}`,
    `${pem}\n${two.pem}\0`,
    `${pem}\n${two.pem}`.replaceAll("\n", "\r\n"),
  ];
  for (const text of texts) {
    const found = parsePemChain(utf8(text)).map(({ subject }) => subject.commonName);
    assert.deepEqual(found, ["One", "Two"]);
  }
});

test("parsePemChain() gives a known certificate for the same block only", () => {
  const known: KnownCertificates = [];
  const [first, second] = parsePemChain(utf8(`${pem}\n${two.pem}`), known);
  const [again, other] = parsePemChain(utf8(`${two.pem}${pem}`), known);
  assert.equal(again, second);
  assert.equal(other, first);
  const [third] = parsePemChain(utf8(three.pem), known);
  assert.deepEqual(third.der, three.certificate.der);
  // By another list nothing is known.
  assert.notEqual(parsePemChain(utf8(pem))[0], first);
});

test("parsePemChain() reads as many certificates as any chain has", () => {
  assert.equal(parsePemChain(utf8(`${pem}\n`.repeat(8))).length, 8);
});

test("parsePemChain() refuses everything else", () => {
  const texts = [
    "",
    "\0",
    "\n",
    ` ${pem}`,
    `${pem}${pem}`,
    `${pem}\n#\n${pem}`,
    `${pem.trimEnd()}\r${pem}`,
    pem.replace("-----\n", "-----"),
    pem.replace("-----\n", "-----\r"),
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "-----BEGIN CERTIFICATE-----\n",
    `${pem}\n`.repeat(9),
    `${pem}\n\0\0`,
    `${pem}\0\n`,
    `${pem} \n`,
    `${pem}\nx`,
    pem.slice(1),
    pem.slice(0, -1),
    pem.replace("CERTIFICATE", "X509 CRL"),
    pem.replace(/\n[A-Za-z0-9]{4}/, "\n"),
    pem.replace("\n", "\n "),
    pem.replace(/.\n-----END/, "\n-----END"),
  ];
  for (const text of texts) assert.throws(() => parsePemChain(utf8(text)), TdxError, JSON.stringify(text).slice(0, 99));
  assert.throws(() => parsePemChain(concat(utf8(pem), Uint8Array.of(0xff))), TdxError);
});

test("parsePemChain() refuses long texts in no time", () => {
  for (const text of [
    `${pem}\n`.repeat(100),
    "-----BEGIN CERTIFICATE-----\n".repeat(100_000),
    "\n".repeat(1_000_000),
  ]) {
    assert.throws(() => parsePemChain(utf8(text)), TdxError);
  }
  assert.throws(() => parsePemChain(utf8(`-----BEGIN CERTIFICATE-----\n${"\r\n".repeat(16_000)}`)), TdxError);
  assert.throws(() => parsePemChain(utf8(`${pem}${"\n".repeat(30_000)}x`)), TdxError);
});
