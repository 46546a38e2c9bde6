import "reflect-metadata";
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import * as x509 from "@peculiar/x509";
import { parseCertificateRequest } from "./certificate-request.ts";
import { JoinError, type JoinErrorCode } from "./errors.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const P384 = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

type Pair = { publicKey: KeyObject; privateKey: KeyObject };
const newPair = (): Pair => generateKeyPairSync("ec", { namedCurve: "P-256" });

/** A request for the public key of `pair`, signed by `signer`. */
async function makeRequest(pair: Pair, algorithm: object = P256, signer: Pair = pair): Promise<Uint8Array> {
  const keys = {
    publicKey: pair.publicKey.toCryptoKey(algorithm as typeof P256, true, ["verify"]),
    privateKey: signer.privateKey.toCryptoKey(algorithm as typeof P256, true, ["sign"]),
  };
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=system:node:somebody-else,O=system:masters",
    keys,
    signingAlgorithm: algorithm as typeof P256,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "kubernetes" }])],
  });
  return new Uint8Array(request.rawData);
}

function refuses(der: Uint8Array, code: JoinErrorCode): void {
  assert.throws(
    () => parseCertificateRequest(der),
    (error: unknown) => error instanceof JoinError && error.code === code,
  );
}

test("parseCertificateRequest() gives the key and nothing else", async () => {
  const pair = newPair();
  const key = parseCertificateRequest(await makeRequest(pair));
  assert.ok(key.equals(pair.publicKey));
});

test("parseCertificateRequest() refuses a key whose owner did not sign", async () => {
  refuses(await makeRequest(newPair(), P256, newPair()), "certificate_request_signature");
});

test("parseCertificateRequest() refuses a changed signature or content", async () => {
  const der = await makeRequest(newPair());
  const changed = Uint8Array.from(der);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  refuses(changed, "certificate_request_signature");
  const name = Buffer.from(der).indexOf("somebody-else");
  const renamed = Uint8Array.from(der);
  renamed[name] = 0x78;
  refuses(renamed, "certificate_request_signature");
});

test("parseCertificateRequest() refuses other kinds of keys", async () => {
  refuses(await makeRequest(generateKeyPairSync("ec", { namedCurve: "P-384" }), P384), "certificate_request_key");
  refuses(await makeRequest(generateKeyPairSync("rsa", { modulusLength: 2048 }), RSA), "certificate_request_key");
});

test("parseCertificateRequest() refuses bytes that are no request", async () => {
  const der = await makeRequest(newPair());
  const others = [
    new Uint8Array(),
    Uint8Array.of(0x30, 0x80),
    der.subarray(1),
    der.subarray(0, -1),
    new Uint8Array(5_000),
  ];
  for (const bytes of [...others, Buffer.concat([der, Buffer.of(0)])]) refuses(bytes, "certificate_request_malformed");
});
