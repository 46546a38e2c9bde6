import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeIntel, verifyGenuineFake } from "./testing/index.ts";

const intel = await FakeIntel.create();

test("verifyCertificateChain() tells the names that it found and wanted, but for the root's", () => {
  const { checks } = verifyGenuineFake(intel);
  const shown = Object.fromEntries(checks.map(({ name, got, wanted }) => [name, [got, wanted]]));
  assert.deepEqual(shown["pckCertificateChain.subject"], [
    '"Intel SGX PCK Certificate", "Intel SGX PCK Platform CA", no CA',
    '"Intel SGX PCK Certificate", "Intel SGX PCK Platform CA" or "Intel SGX PCK Processor CA", no CA',
  ]);
  assert.deepEqual(shown["tcbInfoIssuerChain.subject"], [
    '"Intel SGX TCB Signing", no CA',
    '"Intel SGX TCB Signing", no CA',
  ]);
  assert.deepEqual(shown["pckCrlIssuerChain.subject"]?.[0], '"Intel SGX PCK Platform CA", CA');
});
