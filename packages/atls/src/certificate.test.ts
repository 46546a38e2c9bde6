import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createEphemeralIdentity } from "./certificate.ts";

test("createEphemeralIdentity() makes a self-signed P-256 certificate for its key", () => {
  const identity = createEphemeralIdentity();
  const certificate = new X509Certificate(identity.certificatePem);
  assert.ok(certificate.verify(certificate.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(identity.keyPem)));
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.deepEqual(
    new Uint8Array(createPublicKey(identity.keyPem).export({ type: "spki", format: "der" })),
    identity.publicKey,
  );
  assert.equal(certificate.subject, "CN=constellation-atls");
  assert.equal(certificate.validTo, "Dec 31 23:59:59 9999 GMT");
});

test("createEphemeralIdentity() makes another key and serial each time", () => {
  const [a, b] = [createEphemeralIdentity(), createEphemeralIdentity()];
  assert.notDeepEqual(a.publicKey, b.publicKey);
  assert.notEqual(
    new X509Certificate(a.certificatePem).serialNumber,
    new X509Certificate(b.certificatePem).serialNumber,
  );
});
