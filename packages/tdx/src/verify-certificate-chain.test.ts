import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FAKE_NOW,
  failuresOf,
  FakeIntel,
  type Identity,
  issueCertificate,
  pemChain,
  verifyGenuineFake,
} from "./testing/index.ts";
import { type ChainSpec, verifyCertificateChain } from "./verify-certificate-chain.ts";

const intel = await FakeIntel.create();
const { root, platformCa } = intel;
/** Leaf, CA and root. */
const SPEC: ChainSpec = {
  name: "pckCertificateChain",
  code: "pck_chain",
  commonNames: [["Leaf"], ["Intel SGX PCK Platform CA", "Intel SGX Root CA"]],
  leafIsCa: false,
};

const verify = (...written: readonly Identity[]) =>
  verifyCertificateChain(pemChain(...written), SPEC, [root.certificate], FAKE_NOW);
const textOf = (...chain: readonly Identity[]) => chain.map(({ certificate }) => certificate.subject.text).join(" <- ");

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

test("verifyCertificateChain() tells a certificate that has no name", async () => {
  const nameless = await issueCertificate({ commonName: "", issuer: platformCa });
  const { checks } = verify(nameless, platformCa, root);
  assert.deepEqual(failuresOf(checks), ["pckCertificateChain.subject: pck_chain_subject"]);
  assert.equal(checks[2]?.got, 'no single common name, "Intel SGX PCK Platform CA", no CA');
});

test("verifyCertificateChain() tells the chain that it found and the one written out", async () => {
  const leaf = await issueCertificate({ commonName: "Leaf", issuer: platformCa });
  const { checks } = verify(leaf, platformCa, root);
  const text = textOf(leaf, platformCa, root);
  assert.deepEqual([checks[1]?.got, checks[1]?.wanted], [text, text]);
  assert.match(text, /^CN=Leaf, .* <- CN=Intel SGX PCK Platform CA, .* <- CN=Intel SGX Root CA, /);
});

test("verifyCertificateChain() refuses a root that is written out twice", async () => {
  const leaf = await issueCertificate({ commonName: "Leaf", issuer: root });
  const { checks, chain } = verify(leaf, root, root);
  assert.deepEqual(failuresOf(checks), ["pckCertificateChain.chain: pck_chain_order"]);
  assert.deepEqual([checks[1]?.got, checks[1]?.wanted], [textOf(leaf, root), textOf(leaf, root, root)]);
  assert.equal(chain, undefined);
});
