import assert from "node:assert/strict";
import { createPrivateKey, verify, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { parseDer } from "@constellation/der";
import { parseCertificate, pemToDer, verifyChain } from "@constellation/x509";
import {
  type CertificateRequest,
  createCertificateRequest,
  createKeyPair,
  issueCertificate,
  issueSelfSigned,
} from "./certificate.ts";
import { integer, oid, utcTime } from "./der-writer.ts";
import { issueKubeletIdentity, writeKubeletIdentity } from "./kubelet-pki.ts";
import { writeServicePki } from "./service-pki.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const validity = { notBefore: NOW, notAfter: new Date("2036-01-01T00:00:00Z") };

function authority() {
  const { publicKey, privateKey } = createKeyPair();
  const subject = { commonName: "kubernetes" };
  const request: CertificateRequest = { subject, publicKey, usage: "ca", altNames: [], ...validity };
  return { certificatePem: issueSelfSigned(request, privateKey), privateKey };
}

describe("issueCertificate()", () => {
  test("makes a chain that our own verifier accepts", () => {
    const ca = authority();
    const { publicKey } = createKeyPair();
    const subject = { commonName: "system:node:a", organization: "system:nodes" };
    const altNames = [{ dns: "a.example" }, { ip: "10.42.0.10" }, { uri: "constellation://service/x" }];
    const leafPem = issueCertificate({ subject, publicKey, usage: "client-and-server", altNames, ...validity }, ca);
    const leaf = parseCertificate(pemToDer(leafPem));
    const root = parseCertificate(pemToDer(ca.certificatePem));
    const chain = verifyChain({ leaf, intermediates: [], roots: [root], now: new Date("2027-01-01T00:00:00Z") });
    assert.equal(chain.length, 2);
    const certificate = new X509Certificate(leafPem);
    assert.equal(certificate.subject, "O=system:nodes\nCN=system:node:a");
    assert.equal(certificate.subjectAltName, "DNS:a.example, IP Address:10.42.0.10, URI:constellation://service/x");
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"]);
  });

  test("refuses an address that is none", () => {
    const { publicKey } = createKeyPair();
    const request: CertificateRequest = {
      subject: { commonName: "a" },
      publicKey,
      usage: "server",
      altNames: [{ ip: "10.42.0" }],
      ...validity,
    };
    assert.throws(() => issueCertificate(request, authority()), RangeError);
  });
});

describe("createCertificateRequest()", () => {
  test("signs its own contents with its own key", () => {
    const keys = createKeyPair();
    const der = createCertificateRequest({ commonName: "node" }, keys);
    const [info, , signature] = parseDer(der).children;
    assert.ok(info !== undefined && signature !== undefined);
    const bits = signature.contents.subarray(1);
    assert.ok(verify("sha256", info.encoding, { key: keys.publicKey, dsaEncoding: "der" }, bits));
  });
});

describe("DER", () => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

  test("integers are minimal and not negative", () => {
    assert.equal(hex(integer(Uint8Array.of(0, 0, 1))), "020101");
    assert.equal(hex(integer(Uint8Array.of(0x80))), "02020080");
    assert.equal(hex(integer(Uint8Array.of(0))), "020100");
  });

  test("object identifiers", () => assert.equal(hex(oid("1.2.840.10045.4.3.2")), "06082a8648ce3d040302"));

  test("times", () => assert.equal(hex(utcTime(NOW)), `170d${Buffer.from("260101000000Z").toString("hex")}`));
});

describe("files", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "constellation-pki-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const read = (name: string): Promise<string> => readFile(join(directory, name), "utf8");
  const mode = async (name: string): Promise<number> => (await stat(join(directory, name))).mode & 0o777;

  test("writeServicePki() makes a CA and a certificate for each service, keys for root only", async () => {
    await writeServicePki(directory, "10.96.0.0/12", NOW);
    const ca = new X509Certificate(await read("ca.crt"));
    for (const name of ["key-service", "join-service"]) {
      const certificate = new X509Certificate(await read(`${name}.crt`));
      assert.ok(certificate.verify(ca.publicKey));
      assert.ok(certificate.checkPrivateKey(createPrivateKey(await read(`${name}.key`))));
      assert.match(certificate.subjectAltName ?? "", new RegExp(`URI:constellation://service/${name}`));
      assert.equal(await mode(`${name}.key`), 0o600);
    }
    assert.equal(await mode("ca.key"), 0o600);
  });

  test("writeServicePki() names the key service as pods reach it", async () => {
    await writeServicePki(directory, "172.20.0.0/16", NOW);
    const certificate = new X509Certificate(await read("key-service.crt"));
    const names = ["key-service.kube-system.svc", "key-service.kube-system.svc.cluster.local"];
    for (const name of names) assert.equal(certificate.checkHost(name), name);
    assert.equal(certificate.checkIP("172.20.0.11"), "172.20.0.11");
  });

  test("writeServicePki() keeps what is there, and goes on where it was cut off", async () => {
    await writeServicePki(directory, "10.96.0.0/12", NOW);
    const [ca, kept] = [await read("ca.crt"), await read("key-service.crt")];
    await unlink(join(directory, "join-service.crt"));
    await writeServicePki(directory, "10.96.0.0/12", NOW);
    assert.equal(await read("ca.crt"), ca);
    assert.equal(await read("key-service.crt"), kept);
    const certificate = new X509Certificate(await read("join-service.crt"));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(await read("join-service.key"))));
  });

  test("a kubelet's identity is written as serving pair and as rotatable client pair", async () => {
    const ca = authority();
    await writeFile(join(directory, "ca.crt"), ca.certificatePem);
    await writeFile(join(directory, "ca.key"), ca.privateKey.export({ type: "pkcs8", format: "pem" }));
    const identity = await issueKubeletIdentity(directory, { name: "a", address: "10.42.0.10" }, NOW);
    await writeKubeletIdentity(directory, identity);
    await writeKubeletIdentity(directory, identity);
    const current = await read("kubelet-client-current.pem");
    assert.equal(current, identity.certificatePem + identity.privateKeyPem);
    assert.equal(await mode("kubelet-client-current.pem"), 0o600);
    assert.ok(
      new X509Certificate(await read("kubelet.crt")).checkPrivateKey(createPrivateKey(await read("kubelet.key"))),
    );
  });
});
