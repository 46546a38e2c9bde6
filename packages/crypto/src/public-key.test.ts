import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { concat, fromHex, utf8 } from "@constellation/bytes";
import { bits, int, nul, oid, seq } from "@constellation/der/testing/der-writer";
import {
  type CryptoErrorCode,
  ecPublicKey,
  importSpki,
  type PublicKey,
  rsaPublicKey,
  rsaSpki,
  verifySignature,
} from "./index.ts";

const DATA = utf8("data");
const EC = "1.2.840.10045.2.1";
const P256 = "1.2.840.10045.3.1.7";
const RSA = "1.2.840.113549.1.1.1";
const PSS = "1.2.840.113549.1.1.10";

const spki = (key: KeyObject) => new Uint8Array(key.export({ type: "spki", format: "der" }));
const number = (text: string | undefined) => new Uint8Array(Buffer.from(text as string, "base64url"));
const refuses = (code: CryptoErrorCode, read: () => PublicKey, message = /./) =>
  assert.throws(read, { name: "CryptoError", code, message });

const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const point = spki(p256.publicKey).subarray(-65);
const { n, e } = rsa.publicKey.export({ format: "jwk" });
const modulus = number(n);

test("importSpki() reads P-256, P-384, RSA and RSA-PSS keys", () => {
  const { handle: p256Handle, ...p256Rest } = importSpki(spki(p256.publicKey));
  assert.deepEqual(p256Rest, { kind: "ec", curve: "P-256" });
  assert.equal((p256Handle as KeyObject).equals(p256.publicKey), true);
  const { handle: p384Handle, ...p384Rest } = importSpki(spki(p384.publicKey));
  assert.deepEqual(p384Rest, { kind: "ec", curve: "P-384" });
  assert.equal((p384Handle as KeyObject).equals(p384.publicKey), true);
  const { handle: rsaHandle, ...rsaRest } = importSpki(spki(rsa.publicKey));
  assert.deepEqual(rsaRest, { kind: "rsa", modulusBits: 2048, pssOnly: false });
  assert.equal((rsaHandle as KeyObject).equals(rsa.publicKey), true);
  const pss = generateKeyPairSync("rsa-pss", { modulusLength: 3072 });
  const { handle: _, ...pssRest } = importSpki(spki(pss.publicKey));
  assert.deepEqual(pssRest, { kind: "rsa", modulusBits: 3072, pssOnly: true });
});

test("importSpki() keeps what an RSA-PSS key says of its signatures, and refuses SHA-1 there", () => {
  const keyOf = (hash: string, mgf1: string, salt: number) =>
    spki(
      generateKeyPairSync("rsa-pss", {
        modulusLength: 2048,
        hashAlgorithm: hash,
        mgf1HashAlgorithm: mgf1,
        // The types call it a string; node:crypto wants a number.
        saltLength: salt as unknown as string,
      }).publicKey,
    );
  const { handle: _, ...key } = importSpki(keyOf("sha384", "sha384", 48));
  assert.deepEqual(key, { kind: "rsa", modulusBits: 2048, pssOnly: true, pss: { hash: "sha384", saltLength: 48 } });
  assert.throws(() => importSpki(keyOf("sha384", "sha256", 48)), { code: "parameters_unsupported", message: /MGF1/ });
  assert.throws(() => importSpki(keyOf("sha1", "sha1", 20)), { name: "CryptoError" });
});

test("importSpki() reads a view into a larger buffer", () => {
  const padded = concat(Uint8Array.of(1, 2, 3), spki(p256.publicKey), Uint8Array.of(4));
  assert.equal(importSpki(padded.subarray(3, -1)).kind, "ec");
});

test("importSpki() refuses other curves, key types and RSA sizes", () => {
  const other = (namedCurve: string) => spki(generateKeyPairSync("ec", { namedCurve }).publicKey);
  refuses("key_unsupported", () => importSpki(other("P-521")), /curve "1\.3\.132\.0\.35"/);
  refuses("key_unsupported", () => importSpki(other("secp256k1")), /curve "1\.3\.132\.0\.10"/);
  refuses("key_unsupported", () => importSpki(spki(generateKeyPairSync("ed25519").publicKey)), /"1\.3\.101\.112"/);
  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  refuses("key_unsupported", () => importSpki(spki(short)), /RSA of "1024" bits/);
});

test("importSpki() refuses points that are off the curve, compressed or of another length", () => {
  const withPoint = (bytes: Uint8Array) => () => importSpki(seq(seq(oid(EC), oid(P256)), bits(bytes)));
  assert.equal(withPoint(point)().kind, "ec");
  const off = Uint8Array.from(point);
  off[64] = (off[64] as number) ^ 1;
  refuses("key_malformed", withPoint(off), /no public key/);
  const compressed = concat(Uint8Array.of(2 + ((point[64] as number) & 1)), point.subarray(1, 33));
  const hybrid = concat(Uint8Array.of(6 + ((point[64] as number) & 1)), point.subarray(1));
  for (const bytes of [compressed, hybrid, point.subarray(0, -1), Uint8Array.of(0), new Uint8Array(0)]) {
    refuses("key_malformed", withPoint(bytes), /a point of/);
  }
});

test("importSpki() refuses explicit curve parameters and other faults of form", () => {
  const key = bits(point);
  const rsaKey = bits(seq(int(0, ...modulus), int(1, 0, 1)));
  for (const bytes of [
    new Uint8Array(0),
    seq(),
    seq(seq(oid(EC), seq()), key),
    seq(seq(oid(EC)), key),
    seq(seq(oid(EC), oid(P256), nul()), key),
    seq(seq(oid(EC), oid(P256)), key, nul()),
    concat(spki(p256.publicKey), Uint8Array.of(0)),
    seq(seq(oid(RSA)), rsaKey),
    seq(seq(oid(RSA), nul(), nul()), rsaKey),
    seq(seq(oid(RSA), int(1)), rsaKey),
    seq(seq(oid(RSA), nul()), bits(seq(int(...modulus), int(1, 0, 1)))),
    seq(seq(oid(RSA), nul()), bits(seq(int(0, ...modulus), int(1, 0, 1), nul()))),
    seq(seq(oid(RSA), nul()), bits(nul())),
    seq(seq(oid(PSS), int(1)), rsaKey),
    seq(seq(oid(PSS), nul()), rsaKey),
    seq(seq(oid(PSS), seq(), nul()), rsaKey),
  ]) {
    refuses("key_malformed", () => importSpki(bytes));
  }
});

test("importSpki() refuses exponents that are even, one, or long", () => {
  const withExponent = (...octets: number[]) =>
    importSpki(seq(seq(oid(RSA), nul()), bits(seq(int(0, ...modulus), int(...octets)))));
  assert.equal(withExponent(3).kind, "rsa");
  for (const octets of [[0], [1], [2], [1, 0, 0], [1, 0, 0, 0, 1]]) {
    refuses("key_unsupported", () => withExponent(...octets), /exponent/);
  }
});

test("importSpki() and rsaPublicKey() refuse an even modulus", () => {
  const even = Uint8Array.from(modulus);
  even[even.length - 1] = (even.at(-1) as number) & 0xfe;
  refuses("key_malformed", () => rsaPublicKey(even, Uint8Array.of(1, 0, 1)), /even/);
  refuses("key_malformed", () => importSpki(rsaSpki(even, Uint8Array.of(1, 0, 1))), /even/);
});

test("importSpki() lets through what is no fault of the input", () => {
  assert.throws(() => importSpki(undefined as unknown as Uint8Array), TypeError);
});

test("ecPublicKey() makes the key of the coordinates", () => {
  for (const [curve, { publicKey, privateKey }, hash] of [
    ["P-256", p256, "sha256"],
    ["P-384", p384, "sha384"],
  ] as const) {
    const { x, y } = publicKey.export({ format: "jwk" });
    const key = ecPublicKey(curve, number(x), number(y));
    const scheme = { kind: "ecdsa", hash, encoding: "der" } as const;
    assert.equal(verifySignature(key, scheme, DATA, sign(hash, DATA, privateKey)), true);
  }
});

test("ecPublicKey() refuses coordinates of another length or off the curve", () => {
  const x = point.subarray(1, 33);
  const y = point.subarray(33);
  refuses("key_malformed", () => ecPublicKey("P-256", x.subarray(1), y), /coordinates of "31"/);
  refuses("key_malformed", () => ecPublicKey("P-256", x, concat(y, Uint8Array.of(0))), /coordinates of "32" and "33"/);
  refuses("key_malformed", () => ecPublicKey("P-384", x, y), /wanted "48"/);
  refuses("key_malformed", () => ecPublicKey("P-256", y, y), /no public key/);
});

test("rsaPublicKey() makes the key of modulus and exponent", () => {
  const key = rsaPublicKey(modulus, number(e));
  const { handle: _, ...rest } = key;
  assert.deepEqual(rest, { kind: "rsa", modulusBits: 2048, pssOnly: false });
  const signature = sign("sha256", DATA, rsa.privateKey);
  assert.equal(verifySignature(key, { kind: "rsa-pkcs1", hash: "sha256" }, DATA, signature), true);
});

test("rsaPublicKey() refuses sizes outside the bounds and leading zeros", () => {
  const F4 = Uint8Array.of(1, 0, 1);
  const sized = (bytes: number, first: number) =>
    Uint8Array.from({ length: bytes }, (_, i) => (i === 0 ? first : 0xff));
  assert.equal((rsaPublicKey(sized(1024, 0xff), F4) as { modulusBits: number }).modulusBits, 8192);
  refuses("key_unsupported", () => rsaPublicKey(sized(256, 0x7f), F4), /RSA of "2047" bits/);
  refuses("key_unsupported", () => rsaPublicKey(sized(1025, 0x01), F4), /RSA of "8193" bits/);
  refuses("key_unsupported", () => rsaPublicKey(sized(257, 0x00), F4), /RSA of "0" bits/);
  refuses("key_unsupported", () => rsaPublicKey(new Uint8Array(0), F4), /RSA of "0" bits/);
  for (const exponent of ["", "00", "01", "02", "00010001", "0100000001"]) {
    refuses("key_unsupported", () => rsaPublicKey(modulus, fromHex(exponent)), /exponent/);
  }
});
