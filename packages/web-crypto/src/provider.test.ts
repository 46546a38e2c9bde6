import assert from "node:assert/strict";
import { createHash, constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { describe, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import type { HashName, PlainScheme } from "@constellation/crypto";
import { provider, settle } from "./index.ts";

const DATA = utf8("data");
const ec = generateKeyPairSync("ec", { namedCurve: "P-384" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

const numbersOf = ({ publicKey }: { publicKey: KeyObject }, ...names: ("x" | "y" | "n" | "e")[]): Uint8Array[] => {
  const jwk = publicKey.export({ format: "jwk" });
  return names.map((name) => new Uint8Array(Buffer.from(jwk[name] as string, "base64url")));
};
const [x, y] = numbersOf(ec, "x", "y") as [Uint8Array, Uint8Array];
const [n, e] = numbersOf(rsa, "n", "e") as [Uint8Array, Uint8Array];
const ecVerify = (scheme: PlainScheme, data: Uint8Array, signature: Uint8Array) =>
  settle(() => provider.verify(provider.importEc("P-384", x, y) as object, scheme, data, signature));
const rsaVerify = (scheme: PlainScheme, data: Uint8Array, signature: Uint8Array) =>
  settle(() => provider.verify(provider.importRsa(n, e), scheme, data, signature));

describe("provider", () => {
  test("hashes the parts one after the other, at once", () => {
    for (const name of ["sha1", "sha256", "sha384", "sha512"] satisfies HashName[]) {
      const wanted = new Uint8Array(createHash(name).update("abc").digest());
      assert.deepEqual(provider.digest(name, [utf8("a"), utf8(""), utf8("bc")]), wanted);
    }
  });

  test("verifies ECDSA, and refuses other data, another hash and other signatures", async () => {
    const scheme = { kind: "ecdsa", hash: "sha256" } as const;
    const signature = new Uint8Array(sign("sha256", DATA, { key: ec.privateKey, dsaEncoding: "ieee-p1363" }));
    assert.equal(await ecVerify(scheme, DATA, signature), true);
    assert.equal(await ecVerify(scheme, utf8("Data"), signature), false);
    assert.equal(await ecVerify({ ...scheme, hash: "sha384" }, DATA, signature), false);
    assert.equal(await ecVerify(scheme, DATA, new Uint8Array(96)), false);
  });

  test("verifies RSA with either padding, and does not take one for the other", async () => {
    const pss = { kind: "rsa-pss", hash: "sha384", saltLength: 48 } as const;
    const pkcs1 = { kind: "rsa-pkcs1", hash: "sha256" } as const;
    const key = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
    const [padded, plain] = [
      new Uint8Array(sign("sha384", DATA, key)),
      new Uint8Array(sign("sha256", DATA, rsa.privateKey)),
    ];
    assert.equal(await rsaVerify(pss, DATA, padded), true);
    assert.equal(await rsaVerify({ ...pss, saltLength: 32 }, DATA, padded), false);
    assert.equal(await rsaVerify({ ...pss, hash: "sha256" }, DATA, padded), false);
    assert.equal(await rsaVerify(pkcs1, DATA, plain), true);
    assert.equal(await rsaVerify(pkcs1, DATA, padded), false);
    assert.equal(await rsaVerify(pss, DATA, plain), false);
  });

  test("gives no key for a point off its curve", async () => {
    const off = Uint8Array.from(y);
    off[47] = (off[47] as number) ^ 1;
    assert.equal(await settle(() => provider.importEc("P-384", x, off)), undefined);
    assert.equal(await settle(() => provider.importEc("P-384", new Uint8Array(48), new Uint8Array(48))), undefined);
  });

  test("keeps signatures of one judgement apart by key, scheme, data and signature", async () => {
    const scheme = { kind: "rsa-pkcs1", hash: "sha256" } as const;
    const good = new Uint8Array(sign("sha256", DATA, rsa.privateKey));
    const bad = Uint8Array.from(good, (byte, index) => (index === 9 ? byte ^ 1 : byte));
    const [n2, e2] = numbersOf(generateKeyPairSync("rsa", { modulusLength: 2048 }), "n", "e") as [
      Uint8Array,
      Uint8Array,
    ];
    const results = await settle(() => {
      const [key, other] = [provider.importRsa(n, e), provider.importRsa(n2, e2)];
      return [
        provider.verify(key, scheme, DATA, good),
        provider.verify(key, scheme, DATA, bad),
        provider.verify(key, scheme, utf8("other"), good),
        provider.verify(key, { ...scheme, hash: "sha384" }, DATA, good),
        provider.verify(other, scheme, DATA, good),
        provider.verify(key, scheme, DATA, good),
      ];
    });
    assert.deepEqual(results, [true, false, false, false, false, true]);
  });

  test("looks at no key and no signature outside of settle()", () => {
    assert.throws(() => provider.importEc("P-384", x, y), { code: "not_settling" });
    const scheme = { kind: "rsa-pkcs1", hash: "sha256" } as const;
    assert.throws(() => provider.verify(provider.importRsa(n, e), scheme, DATA, n), { code: "not_settling" });
  });
});
