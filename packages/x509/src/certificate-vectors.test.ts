import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type Certificate,
  parseCertificate,
  parseCrl,
  pemToDer,
  publicKeyOf,
  verifyChain,
  verifySignature,
} from "./index.ts";
import { pemBlocks, VECTORS } from "./testing/vectors.ts";

const files = readdirSync(VECTORS, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((path) => !path.startsWith(join(VECTORS, "wycheproof")));

const read = (path: string) => new Uint8Array(readFileSync(path));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Certificates that Sigstore's JSON has as base64. */
function rawBytes(value: unknown): Uint8Array[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    if (key !== "certificate" && key !== "certificates") return rawBytes(member);
    const texts = [member].flat().map((certificate: { rawBytes: string }) => certificate.rawBytes);
    return texts.map((text) => new Uint8Array(Buffer.from(text, "base64")));
  });
}

/** The one file named .json that is none, on purpose. */
const NO_JSON = "bundle-malformed-json_fail";

function certificatesIn(path: string): Uint8Array[] {
  if (path.endsWith(".der")) return path.endsWith("_crl.der") ? [] : [read(path)];
  if (!path.endsWith(".json")) return pemBlocks(path).map(pemToDer);
  const text = readFileSync(path, "utf8").replaceAll("\\n", "\n");
  const blocks = (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(pemToDer);
  return path.includes("/sigstore/") && !path.includes(NO_JSON)
    ? [...blocks, ...rawBytes(JSON.parse(readFileSync(path, "utf8")))]
    : blocks;
}

const certificates = new Map(
  files.flatMap((path) => certificatesIn(path).map((der) => [sha256(der), { path, der }] as const)),
);

test("parseCertificate() reads every certificate of the evidence, and publicKeyOf() every key", () => {
  assert.ok(certificates.size > 90, `${certificates.size} certificates`);
  for (const { path, der } of certificates.values()) {
    assert.doesNotThrow(() => publicKeyOf(parseCertificate(der)), path);
  }
});

test("parseCrl() reads every CRL of the evidence", () => {
  const crls = files.filter((path) => path.endsWith("_crl.der"));
  assert.ok(crls.length > 100);
  for (const path of crls) assert.doesNotThrow(() => parseCrl(read(path)), path);
});

interface Root {
  readonly file: string;
  readonly not_before: string;
  readonly not_after: string;
  readonly sha256: string;
  readonly self_issued: boolean;
}

const index = JSON.parse(readFileSync(join(VECTORS, "trust-roots/index.json"), "utf8")) as Root[];
const listed = index
  .filter(({ file }) => file.endsWith(".pem"))
  .map((entry) => {
    const [pem] = pemBlocks(join(VECTORS, "trust-roots", entry.file));
    return { entry, certificate: parseCertificate(pemToDer(pem as string)) };
  });

test("parseCertificate() reads the trust roots as their index describes them", () => {
  assert.ok(listed.length >= 16);
  for (const { entry, certificate } of listed) {
    assert.equal(sha256(certificate.der), entry.sha256, entry.file);
    assert.deepEqual(certificate.notBefore, new Date(entry.not_before), entry.file);
    assert.deepEqual(certificate.notAfter, new Date(entry.not_after), entry.file);
  }
});

test("verifySignature() and verifyChain() tie the listed roots and intermediates together", () => {
  const roots = listed.filter(({ entry }) => entry.self_issued).map(({ certificate }) => certificate);
  for (const root of roots) verifySignature(root, root);
  for (const { entry, certificate } of listed.filter(({ entry: { self_issued } }) => !self_issued)) {
    const others = listed.map((other) => other.certificate).filter((other) => other !== certificate);
    const chain = verifyChain({ leaf: certificate, intermediates: others, roots, now: dayAfter(certificate) });
    assert.ok(chain.length >= 2, entry.file);
  }
});

function dayAfter({ notBefore }: Certificate): Date {
  return new Date(notBefore.getTime() + 24 * 60 * 60 * 1000);
}
