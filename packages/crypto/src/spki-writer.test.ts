import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { ecSpki, rsaSpki } from "./index.ts";

const bytes = (text: string | undefined): Uint8Array => new Uint8Array(Buffer.from(text ?? "", "base64url"));

test("ecSpki() writes what a key exports", () => {
  for (const curve of ["P-256", "P-384"] as const) {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
    const { x, y } = publicKey.export({ format: "jwk" });
    const wanted = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
    assert.deepEqual(ecSpki(curve, bytes(x), bytes(y)), wanted, curve);
  }
});

test("rsaSpki() writes what a key exports, for short and long numbers", () => {
  for (const [modulusLength, publicExponent] of [
    [2048, 65537],
    [3072, 3],
  ] as const) {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength, publicExponent });
    const { n, e } = publicKey.export({ format: "jwk" });
    const wanted = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
    assert.deepEqual(rsaSpki(bytes(n), bytes(e)), wanted, `${modulusLength}`);
  }
});

test("rsaSpki() keeps numbers positive, and short contents in one octet of length", () => {
  const hexOf = (modulus: number[], exponent: number[]) =>
    Buffer.from(rsaSpki(Uint8Array.from(modulus), Uint8Array.from(exponent))).toString("hex");
  assert.equal(hexOf([0x80], [0x7f]), "301b300d06092a864886f70d0101010500030a0030070202008002017f");
  assert.equal(hexOf([], [3]), "3019300d06092a864886f70d010101050003080030050200020103");
});
