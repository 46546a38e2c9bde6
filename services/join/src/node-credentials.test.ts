import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { parseCertificate, pemToDer } from "@constellation/x509";
import { TestCa } from "@constellation/testkit/test-ca";
import { issueKubeletCertificate } from "./node-credentials.ts";

const NOW = new Date();
const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });

for (const algorithm of ["rsa-2048", "ecdsa-p256"] as const) {
  test(`issueKubeletCertificate() issues by an authority with an ${algorithm} key`, async () => {
    const ca = await TestCa.create("kubernetes", algorithm);
    const pem = await issueKubeletCertificate(ca, "worker-0", ["10.42.0.21", "fd00::21"], publicKey, NOW);
    const certificate = new X509Certificate(pem);
    const issuer = new X509Certificate(ca.certificatePem);
    assert.ok(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer));
    assert.ok(certificate.publicKey.equals(publicKey));
    assert.equal(certificate.subject, "O=system:nodes\nCN=system:node:worker-0");
    assert.equal(certificate.subjectAltName, "DNS:worker-0, IP Address:10.42.0.21, IP Address:FD00:0:0:0:0:0:0:21");
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
    assert.equal(certificate.ca, false);
    assert.equal(Math.round((NOW.getTime() - Date.parse(certificate.validFrom)) / 60_000), 5);
    assert.equal(Math.round((Date.parse(certificate.validTo) - NOW.getTime()) / 86_400_000), 365);
  });
}

test("issueKubeletCertificate() names the issuer in the issuer's own bytes", async () => {
  const ca = await TestCa.create("kubernetes");
  const pem = await issueKubeletCertificate(ca, "worker-0", ["10.42.0.21"], publicKey, NOW);
  const [certificate, issuer] = [pem, ca.certificatePem].map((text) => parseCertificate(pemToDer(text)));
  assert.deepEqual(certificate?.issuer, issuer?.subject);
});

test("issueKubeletCertificate() gives each certificate a serial number of its own", async () => {
  const ca = await TestCa.create("kubernetes");
  const issue = () => issueKubeletCertificate(ca, "worker-0", ["10.42.0.21"], publicKey, NOW);
  const serials = [await issue(), await issue()].map((pem) => new X509Certificate(pem).serialNumber);
  assert.notEqual(serials[0], serials[1]);
  assert.ok((serials[0]?.length ?? 0) >= 30);
});
