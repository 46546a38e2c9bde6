import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { describe, test } from "node:test";
import { parseCertificate, pemToDer } from "@constellation/x509";
import { AMD_ROOTS, AWS_NITRO_ROOT, GCP_EK_AK_INTERMEDIATE, GCP_EK_AK_ROOT, INTEL_ROOT } from "./index.ts";

/** SHA-256 of each certificate's DER: changing one is a decision of its own. */
const FINGERPRINTS: readonly (readonly [name: string, pem: string, sha256: string])[] = [
  ["ARK-Milan", AMD_ROOTS.Milan, "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd"],
  ["ARK-Genoa", AMD_ROOTS.Genoa, "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1"],
  ["ARK-Turin", AMD_ROOTS.Turin, "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a"],
  ["Intel SGX Root CA", INTEL_ROOT, "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"],
  ["aws.nitro-enclaves", AWS_NITRO_ROOT, "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"],
  ["EK/AK CA Root", GCP_EK_AK_ROOT, "594759594b9b61524f6c8ef668f7177f7b9066bc0674f2f49fe9e052be78beb2"],
];

describe("vendor roots", () => {
  for (const [name, pem, sha256] of FINGERPRINTS) {
    test(`${name} is the vendor's, and signed itself`, () => {
      const der = pemToDer(pem);
      assert.equal(createHash("sha256").update(der).digest("hex"), sha256);
      assert.ok(parseCertificate(der).subject.text.includes(`CN=${name}`), parseCertificate(der).subject.text);
      const certificate = new X509Certificate(pem);
      assert.ok(certificate.verify(certificate.publicKey));
    });
  }

  test("Google's intermediate was issued by its root", () => {
    const root = new X509Certificate(GCP_EK_AK_ROOT);
    assert.ok(new X509Certificate(GCP_EK_AK_INTERMEDIATE).verify(root.publicKey));
  });
});
