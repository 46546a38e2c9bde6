import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromHex } from "@constellation/bytes";
import { importSpki, type SignatureScheme, verifySignature } from "./index.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../shared/vectors");
const read = (file: string): unknown => JSON.parse(readFileSync(join(VECTORS, "wycheproof", file), "utf8"));

interface Group {
  readonly publicKeyDer: string;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly flags: readonly string[];
    readonly msg: string;
    readonly sig: string;
    readonly result: "valid" | "invalid" | "acceptable";
  }[];
}

/** The scheme that each file with signatures is about. */
const SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  "ecdsa_secp256r1_sha256_test.json": { kind: "ecdsa", hash: "sha256", encoding: "der" },
  "ecdsa_secp256r1_sha256_p1363_test.json": { kind: "ecdsa", hash: "sha256", encoding: "fixed" },
  "ecdsa_secp384r1_sha384_test.json": { kind: "ecdsa", hash: "sha384", encoding: "der" },
  "ecdsa_secp384r1_sha384_p1363_test.json": { kind: "ecdsa", hash: "sha384", encoding: "fixed" },
  "rsa_pss_4096_sha384_mgf1_48_test.json": { kind: "rsa-pss", hash: "sha384", saltLength: 48 },
  "rsa_signature_2048_sha256_test.json": { kind: "rsa-pkcs1", hash: "sha256" },
};

/** Files about what this package does not do. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "aes_gcm_test.json": "encryption",
  "aes_kwp_test.json": "key wrapping",
  "aes_xts_test.json": "disk encryption",
  "hkdf_sha256_test.json": "key derivation",
  "hmac_sha256_test.json": "message authentication",
  "x25519_test.json": "key agreement",
};

/** What becomes of results that Wycheproof leaves open, by flag: refused, as our rules are the stricter. */
const REFUSED_FLAGS: Readonly<Record<string, string>> = {
  MissingNull: "RFC 8017 section 9.2 has the NULL in DigestInfo; all signers of evidence write it",
};

for (const [file, scheme] of Object.entries(SCHEMES)) {
  test(`verifySignature() behaves as ${file} states`, () => {
    const { testGroups } = read(file) as { testGroups: Group[] };
    for (const { publicKeyDer, tests } of testGroups) {
      const key = importSpki(fromHex(publicKeyDer));
      for (const { tcId, comment, flags, msg, sig, result } of tests) {
        if (result === "acceptable")
          assert.ok(
            flags.some((flag) => flag in REFUSED_FLAGS),
            `${tcId} ${comment}`,
          );
        const holds = verifySignature(key, scheme, fromHex(msg), fromHex(sig));
        assert.equal(holds, result === "valid", `${tcId} ${comment}`);
      }
    }
  });
}

test("importSpki() refuses the keys of ed25519_test.json, which no evidence is signed with", () => {
  const { testGroups } = read("ed25519_test.json") as { testGroups: Group[] };
  for (const { publicKeyDer } of testGroups) {
    assert.throws(() => importSpki(fromHex(publicKeyDer)), { name: "CryptoError", code: "key_unsupported" });
  }
});

test("verifySignature() is tested with every file of signatures", () => {
  const listed = (read("index.json") as { file: string }[]).map(({ file }) => file);
  const known = [...Object.keys(SCHEMES), ...Object.keys(ELSEWHERE), "ed25519_test.json"];
  assert.deepEqual(listed.toSorted(), known.toSorted());
});
