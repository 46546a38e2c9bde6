import assert from "node:assert/strict";
import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { importSpki, type PublicKey, type SignatureScheme, verifySignature } from "./index.ts";

const DATA = utf8("data");
const importKey = ({ publicKey }: { publicKey: KeyObject }) =>
  importSpki(new Uint8Array(publicKey.export({ type: "spki", format: "der" })));

const ec = generateKeyPairSync("ec", { namedCurve: "P-384" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pss = generateKeyPairSync("rsa-pss", {
  modulusLength: 2048,
  hashAlgorithm: "sha256",
  mgf1HashAlgorithm: "sha256",
  // The types call it a string; node:crypto wants a number.
  saltLength: 32 as unknown as string,
});
const keys = { ec: importKey(ec), rsa: importKey(rsa), pss: importKey(pss) };

const padded = (privateKey: KeyObject, hash: string, saltLength: number) =>
  sign(hash, DATA, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });

const ECDSA: SignatureScheme = { kind: "ecdsa", hash: "sha384", encoding: "der" };
const FIXED: SignatureScheme = { kind: "ecdsa", hash: "sha384", encoding: "fixed" };
const PKCS1: SignatureScheme = { kind: "rsa-pkcs1", hash: "sha256" };
const PSS: SignatureScheme = { kind: "rsa-pss", hash: "sha256", saltLength: 32 };

const ecdsaDer = sign("sha384", DATA, ec.privateKey);
const ecdsaFixed = sign("sha384", DATA, { key: ec.privateKey, dsaEncoding: "ieee-p1363" });
const pkcs1 = sign("sha256", DATA, rsa.privateKey);

test("verifySignature() accepts each scheme with its kind of key", () => {
  assert.equal(verifySignature(keys.ec, ECDSA, DATA, ecdsaDer), true);
  assert.equal(verifySignature(keys.ec, FIXED, DATA, ecdsaFixed), true);
  assert.equal(verifySignature(keys.rsa, PKCS1, DATA, pkcs1), true);
  assert.equal(verifySignature(keys.rsa, PSS, DATA, padded(rsa.privateKey, "sha256", 32)), true);
  assert.equal(verifySignature(keys.pss, PSS, DATA, padded(pss.privateKey, "sha256", 32)), true);
});

test("verifySignature() refuses other data, another hash and another encoding", () => {
  assert.equal(verifySignature(keys.ec, ECDSA, utf8("Data"), ecdsaDer), false);
  assert.equal(verifySignature(keys.ec, { ...ECDSA, hash: "sha256" }, DATA, ecdsaDer), false);
  assert.equal(verifySignature(keys.ec, FIXED, DATA, ecdsaDer), false);
  assert.equal(verifySignature(keys.ec, ECDSA, DATA, ecdsaFixed), false);
  assert.equal(verifySignature(keys.rsa, PSS, DATA, pkcs1), false);
});

test("verifySignature() refuses a key of another kind than the scheme's", () => {
  assert.equal(verifySignature(keys.rsa, ECDSA, DATA, ecdsaDer), false);
  assert.equal(verifySignature(keys.ec, PKCS1, DATA, pkcs1), false);
  assert.equal(verifySignature(keys.ec, PSS, DATA, padded(rsa.privateKey, "sha256", 32)), false);
  assert.equal(verifySignature(keys.pss, PKCS1, DATA, pkcs1), false);
});

test("verifySignature() wants the salt of exactly the stated length", () => {
  const signature = padded(rsa.privateKey, "sha256", 20);
  assert.equal(verifySignature(keys.rsa, { ...PSS, saltLength: 20 }, DATA, signature), true);
  for (const saltLength of [
    32,
    0,
    constants.RSA_PSS_SALTLEN_AUTO,
    constants.RSA_PSS_SALTLEN_DIGEST,
    20.5,
    Number.NaN,
  ]) {
    assert.equal(verifySignature(keys.rsa, { ...PSS, saltLength }, DATA, signature), false, String(saltLength));
  }
});

test("verifySignature() takes RSA signatures of the modulus's length only, and no salt that does not fit", () => {
  const most = 256 - 32 - 2;
  const longest = padded(rsa.privateKey, "sha256", most);
  assert.equal(verifySignature(keys.rsa, { ...PSS, saltLength: most }, DATA, longest), true);
  assert.equal(verifySignature(keys.rsa, { ...PSS, saltLength: most + 1 }, DATA, longest), false);
  for (const signature of [pkcs1.subarray(1), Buffer.concat([pkcs1, Buffer.of(0)])]) {
    assert.equal(verifySignature(keys.rsa, PKCS1, DATA, signature), false);
  }
});

/** A key that can't be used: what is refused must be refused before. */
function untouchable<Key extends PublicKey>(key: Key): Key {
  const used = (): never => {
    throw new Error("the key was used");
  };
  return Object.defineProperty({ ...key }, "handle", { get: used });
}

test("verifySignature() asks no key for signatures of another kind or length", () => {
  assert.throws(() => verifySignature(untouchable(keys.rsa), PKCS1, DATA, pkcs1), /^Error: the key was used$/);
  assert.equal(verifySignature(untouchable(keys.pss), PKCS1, DATA, pkcs1), false);
  assert.equal(verifySignature(untouchable(keys.rsa), PKCS1, DATA, pkcs1.subarray(1)), false);
  assert.equal(verifySignature(untouchable(keys.ec), FIXED, DATA, ecdsaFixed.subarray(1)), false);
});

for (const [modulusBits, encodedBytes] of [
  [2048, 256],
  [2049, 256],
  [2050, 257],
] as const) {
  test(`verifySignature() asks no key of ${modulusBits} bits for a salt that does not fit`, () => {
    const key = untouchable({ ...keys.rsa, kind: "rsa", pssOnly: false, modulusBits });
    const signature = new Uint8Array(Math.ceil(modulusBits / 8));
    for (const [hash, hashBytes] of [
      ["sha256", 32],
      ["sha384", 48],
      ["sha512", 64],
    ] as const) {
      const most = encodedBytes - hashBytes - 2;
      const withSalt = (saltLength: number) =>
        verifySignature(key, { kind: "rsa-pss", hash, saltLength }, DATA, signature);
      for (const saltLength of [0, most]) assert.throws(() => withSalt(saltLength), /^Error: the key was used$/);
      for (const saltLength of [-1, most + 1, 20.5]) assert.equal(withSalt(saltLength), false);
    }
  });
}

test("verifySignature() holds a PSS key to the hash and salt of its own parameters", () => {
  const schemes = [
    { kind: "rsa-pss", hash: "sha384", saltLength: 48 },
    { kind: "rsa-pss", hash: "sha256", saltLength: 20 },
  ] as const;
  for (const scheme of schemes) {
    const signature = padded(rsa.privateKey, scheme.hash, scheme.saltLength);
    assert.equal(verifySignature(keys.rsa, scheme, DATA, signature), true);
    assert.equal(verifySignature(keys.pss, scheme, DATA, signature), false);
    assert.equal(verifySignature(untouchable(keys.pss), scheme, DATA, signature), false);
  }
  const longer = { ...PSS, saltLength: 33 };
  assert.equal(verifySignature(keys.pss, longer, DATA, padded(pss.privateKey, "sha256", 33)), true);
});

test("verifySignature() refuses signatures of any length and content without throwing", () => {
  const pairs = [
    [keys.ec, ECDSA],
    [keys.ec, FIXED],
    [keys.rsa, PKCS1],
    [keys.rsa, PSS],
  ] as const;
  for (const length of [0, 1, 95, 96, 97, 255, 256, 257, 10_000]) {
    for (const fill of [0x00, 0x01, 0x30, 0xff]) {
      const signature = new Uint8Array(length).fill(fill);
      for (const [key, scheme] of pairs) assert.equal(verifySignature(key, scheme, DATA, signature), false);
    }
  }
});

test("verifySignature() lets through what is no fault of the input", () => {
  assert.throws(() => verifySignature(keys.ec, ECDSA, undefined as unknown as Uint8Array, ecdsaDer), TypeError);
});
