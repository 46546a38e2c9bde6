import assert from "node:assert/strict";
import { test } from "node:test";
import { derToPem, pemToDer } from "./pem.ts";

const der = Uint8Array.from({ length: 100 }, (_, i) => i);

test("derToPem() and pemToDer() round trip with lines of 64 characters", () => {
  const pem = derToPem(der);
  assert.equal(pem.split("\n")[1]?.length, 64);
  assert.deepEqual(pemToDer(pem), der);
  assert.deepEqual(pemToDer(` \n${pem.replaceAll("\n", "\r\n")}\n`), der);
});

test("pemToDer() refuses anything but one certificate block", () => {
  const pem = derToPem(der);
  for (const text of [
    "",
    "x",
    pem + pem,
    pem.replaceAll("CERTIFICATE", "PRIVATE KEY"),
    `x${pem}`,
    pem.replace("A", "-"),
    pem.replace("-----\n", "-----"),
    pem.replace("-----\n", "-----\r"),
    `${pem}x`,
    pem.replace("-----END CERTIFICATE-----", "A".repeat(25)),
    "-----BEGIN CERTIFICATE-----END CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
    "-----BEGIN CERTIFICATE-----\n\r\n-----END CERTIFICATE-----",
  ]) {
    assert.throws(() => pemToDer(text), { name: "X509Error", code: "pem" });
  }
});

test("pemToDer() refuses base64 that does not decode", () => {
  assert.throws(() => pemToDer("-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n"), { code: "pem" });
});
