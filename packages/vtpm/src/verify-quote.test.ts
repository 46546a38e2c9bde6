import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, type KeyObject, constants, sign } from "node:crypto";
import { describe, test } from "node:test";
import {
  AK_TEMPLATE,
  type QuoteAttest,
  type RsaPublic,
  selectPcrs,
  serializePublic,
  serializeQuoteAttest,
  serializeSignature,
  TPM_ALG,
  TPM_ECC,
  TPMA_OBJECT,
  type TpmtPublic,
} from "@constellation/tpm2";
import type { Check } from "@constellation/verdict";

import {
  AK_PUBLIC_CHECKS,
  type AttestationKey,
  QUOTE_CHECKS,
  type QuoteInput,
  verifyAkPublic,
  verifyQuote,
} from "./index.ts";

const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

function eccArea(key: KeyObject, curveID: number, hashAlg: number): TpmtPublic {
  const { x, y } = key.export({ format: "jwk" });
  const unique = { x: Buffer.from(x ?? "", "base64url"), y: Buffer.from(y ?? "", "base64url") };
  const scheme = { scheme: TPM_ALG.ECDSA, hashAlg };
  return { ...AK_TEMPLATE, parameters: { ...AK_TEMPLATE.parameters, scheme, curveID }, unique } as TpmtPublic;
}

function rsaArea(scheme: RsaPublic["parameters"]["scheme"]): RsaPublic {
  const { n } = rsa.publicKey.export({ format: "jwk" });
  const { nameAlg, objectAttributes, authPolicy } = AK_TEMPLATE;
  const parameters = { symmetric: { algorithm: TPM_ALG.NULL }, scheme, keyBits: 2048, exponent: 0 };
  return {
    type: TPM_ALG.RSA,
    nameAlg,
    objectAttributes,
    authPolicy,
    parameters,
    unique: Buffer.from(n ?? "", "base64url"),
  };
}

const AK = eccArea(p256.publicKey, TPM_ECC.NIST_P256, TPM_ALG.SHA256);
const PCRS: ReadonlyMap<number, Uint8Array> = new Map(
  [15, 0, 4].map((index) => [index, createHash("sha256").update(String(index)).digest()]),
);
const NONCE = Buffer.from("nonce");

function pcrDigest(pcrs: ReadonlyMap<number, Uint8Array>, hash = "sha256"): Uint8Array {
  const values = [...pcrs].sort(([a], [b]) => a - b).map(([, value]) => value);
  return createHash(hash).update(Buffer.concat(values)).digest();
}

function quoteWith(change: Partial<QuoteAttest> = {}): Uint8Array {
  return serializeQuoteAttest({
    qualifiedSigner: new Uint8Array(34),
    extraData: NONCE,
    clockInfo: { clock: 1n, resetCount: 1, restartCount: 1, safe: true },
    firmwareVersion: 1n,
    pcrSelect: [selectPcrs(PCRS.keys())],
    pcrDigest: pcrDigest(PCRS),
    ...change,
  });
}

/** An ECDSA signature of the P-256 key as the TPM marshals it. */
function ecdsa(message: Uint8Array, hash: number = TPM_ALG.SHA256): Uint8Array {
  const raw = sign("sha256", message, { key: p256.privateKey, dsaEncoding: "ieee-p1363" });
  return serializeSignature({ sigAlg: TPM_ALG.ECDSA, hash, r: raw.subarray(0, 32), s: raw.subarray(32) });
}

function inputOf(quote: Uint8Array, change: Partial<QuoteInput> = {}): QuoteInput {
  return {
    quote,
    signature: { format: "tpmt-signature", bytes: ecdsa(quote) },
    bank: "sha256",
    pcrs: PCRS,
    qualifyingData: { kind: "equal", anyOf: [NONCE] },
    ...change,
  };
}

function keyOf(area: TpmtPublic): AttestationKey {
  const { attestationKey } = verifyAkPublic({ format: "tpmt-public", bytes: serializePublic(area) });
  assert.ok(attestationKey !== undefined);
  return attestationKey;
}

const NAMES: readonly string[] = [...AK_PUBLIC_CHECKS, ...QUOTE_CHECKS];

/** Codes of the checks that fail, after a look at what each check is called and speaks for. */
function codes(checks: readonly Check[]): string[] {
  for (const { name, speaksFor } of checks) {
    assert.ok(NAMES.includes(name), name);
    assert.equal(speaksFor, name === "quote.qualifyingData" ? "instance-identity.binding" : "hardware.evidence");
  }
  return checks.flatMap((done) => (done.outcome === "fail" ? [done.code] : []));
}

const akKey = keyOf(AK);
const judge = (input: QuoteInput, area?: TpmtPublic): string[] =>
  codes(verifyQuote(input, area === undefined ? akKey : keyOf(area)).checks);

describe("verifyQuote()", () => {
  test("accepts a quote over exactly the given PCRs, and gives it", () => {
    const { checks, quote } = verifyQuote(inputOf(quoteWith()), keyOf(AK));
    assert.deepEqual(
      checks.map(({ name, outcome }) => `${name} ${outcome}`),
      [
        "quote.format pass",
        "quote.magic pass",
        "quote.type pass",
        "quote.signature pass",
        "quote.qualifyingData pass",
        "quote.pcrSelection pass",
        "quote.pcrDigest pass",
      ],
    );
    assert.deepEqual(
      checks.map(({ name }) => name),
      QUOTE_CHECKS,
    );
    assert.equal(quote?.clockInfo.resetCount, 1);
  });

  test("refuses what is no quote of a TPM", () => {
    const quote = quoteWith();
    const magic = Uint8Array.from(quote).fill(0, 0, 1);
    const certify = Uint8Array.from(quote).fill(0x17, 5, 6);
    assert.deepEqual(judge(inputOf(magic)), ["quote_magic"]);
    assert.deepEqual(judge(inputOf(certify)), ["quote_type"]);
    assert.deepEqual(judge(inputOf(quote.subarray(0, -1))), ["quote_malformed"]);
    const told = (bytes: Uint8Array): string[] => verifyQuote(inputOf(bytes), akKey).checks.map(({ name }) => name);
    assert.deepEqual(told(magic), ["quote.signature", "quote.magic"]);
    assert.deepEqual(told(certify), ["quote.signature", "quote.magic", "quote.type"]);
    assert.deepEqual(told(quote.subarray(0, -1)), ["quote.signature", "quote.format"]);
  });

  test("hands on a fault of the caller, which is no verdict", () => {
    const none = undefined as unknown as Uint8Array;
    assert.throws(() => verifyQuote(inputOf(quoteWith(), { quote: none }), undefined), TypeError);
    const signature = { format: "tpmt-signature", bytes: none } as const;
    assert.throws(() => verifyQuote(inputOf(quoteWith(), { signature }), akKey), TypeError);
    assert.throws(() => verifyAkPublic({ format: "tpmt-public", bytes: none }), TypeError);
  });

  test("leaves the signature out where there is no key to judge it by", () => {
    const { checks } = verifyQuote(inputOf(quoteWith()), undefined);
    assert.ok(!checks.some(({ name }) => name === "quote.signature"));
  });

  test("refuses another nonce, and takes any only by choice", () => {
    assert.deepEqual(judge(inputOf(quoteWith({ extraData: Buffer.from("other") }))), ["quote_qualifying_data"]);
    const open = inputOf(quoteWith({ extraData: Buffer.from("other") }), {
      qualifyingData: { kind: "any", reason: "no nonce was asked for" },
    });
    assert.deepEqual(judge(open), []);
  });

  test("refuses another bank, several, and none", () => {
    const sha1 = selectPcrs(PCRS.keys(), TPM_ALG.SHA1);
    for (const pcrSelect of [[sha1], [selectPcrs(PCRS.keys()), sha1], [sha1, selectPcrs(PCRS.keys())], []]) {
      assert.deepEqual(judge(inputOf(quoteWith({ pcrSelect }))), ["quote_bank"]);
    }
    assert.deepEqual(judge(inputOf(quoteWith(), { bank: "sha384" })), ["quote_bank"]);
    const { checks } = verifyQuote(inputOf(quoteWith({ pcrSelect: [sha1] })), akKey);
    assert.deepEqual([checks.at(-1)?.got, checks.at(-1)?.wanted], ["SHA1:0,4,15", "SHA256:0,4,15"]);
  });

  for (const [bank, hash, length] of [
    ["sha256", TPM_ALG.SHA256, 32],
    ["sha384", TPM_ALG.SHA384, 48],
    ["sha512", TPM_ALG.SHA512, 64],
  ] as const) {
    test(`takes values of ${length} bytes in the bank of ${bank}`, () => {
      const judgedWith = (bytes: number): string[] => {
        const pcrs = new Map([[4, new Uint8Array(bytes)]]);
        const quote = quoteWith({ pcrSelect: [selectPcrs([4], hash)], pcrDigest: pcrDigest(pcrs) });
        return judge(inputOf(quote, { bank, pcrs }));
      };
      assert.deepEqual(judgedWith(length), []);
      for (const other of [length - 1, length + 1]) assert.deepEqual(judgedWith(other), ["quote_bank"]);
    });
  }

  test("refuses a quoted PCR without a value, and a value that is not quoted", () => {
    assert.deepEqual(judge(inputOf(quoteWith({ pcrSelect: [selectPcrs([0, 4, 11, 15])] }))), ["quote_pcr_missing"]);
    assert.deepEqual(judge(inputOf(quoteWith({ pcrSelect: [selectPcrs([0, 4])] }))), ["quote_pcr_extra"]);
    const { checks } = verifyQuote(inputOf(quoteWith({ pcrSelect: [selectPcrs([0, 4])] })), akKey);
    assert.equal(checks.at(-1)?.name, "quote.pcrSelection", "no digest of values that are not those quoted");
  });

  test("refuses values with another digest", () => {
    const pcrs = new Map(PCRS).set(4, new Uint8Array(32));
    assert.deepEqual(judge(inputOf(quoteWith(), { pcrs })), ["quote_pcr_digest"]);
    assert.deepEqual(judge(inputOf(quoteWith({ pcrDigest: new Uint8Array(20) }))), ["quote_pcr_digest"]);
  });

  test("refuses values of other lengths, whose bytes could be shared out in another way", () => {
    const joined = Buffer.concat([0, 4, 15].map((index) => PCRS.get(index) as Uint8Array));
    const shifted = new Map([
      [0, joined.subarray(0, 31)],
      [4, joined.subarray(31, 64)],
      [15, joined.subarray(64)],
    ]);
    assert.deepEqual(pcrDigest(shifted), pcrDigest(PCRS));
    assert.deepEqual(judge(inputOf(quoteWith(), { pcrs: shifted })), ["quote_bank"]);
  });

  test("takes digests of the longer hashes", () => {
    for (const hash of ["sha384", "sha512"]) {
      assert.deepEqual(judge(inputOf(quoteWith({ pcrDigest: pcrDigest(PCRS, hash) }))), [], hash);
    }
  });

  test("accepts no quote with a bit flipped", () => {
    const quote = quoteWith();
    const { signature } = inputOf(quote);
    const accepted = [...quote.keys()].filter((position) => {
      const flipped = Uint8Array.from(quote);
      flipped[position] = (flipped[position] as number) ^ 1;
      return judge(inputOf(flipped, { signature })).length === 0;
    });
    assert.deepEqual(accepted, []);
  });
});

describe("verifyQuote() and signatures", () => {
  const quote = quoteWith();
  const judged = (signature: QuoteInput["signature"], area: TpmtPublic): string[] =>
    judge(inputOf(quote, { signature }), area);
  const tpmt = (bytes: Uint8Array): QuoteInput["signature"] => ({ format: "tpmt-signature", bytes });

  test("accepts ECDSA on P-384, RSASSA and RSAPSS with the key's own hash", () => {
    const area = eccArea(p384.publicKey, TPM_ECC.NIST_P384, TPM_ALG.SHA384);
    const raw = sign("sha384", quote, { key: p384.privateKey, dsaEncoding: "ieee-p1363" });
    const hash = TPM_ALG.SHA384;
    const ecc = serializeSignature({ sigAlg: TPM_ALG.ECDSA, hash, r: raw.subarray(0, 48), s: raw.subarray(48) });
    assert.deepEqual(judged(tpmt(ecc), area), []);
    const rsassa = serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash, sig: sign("sha384", quote, rsa.privateKey) });
    assert.deepEqual(judged(tpmt(rsassa), rsaArea({ scheme: TPM_ALG.RSASSA, hashAlg: hash })), []);
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const pss = sign("sha512", quote, { key: rsa.privateKey, padding, saltLength: 64 });
    const rsapss = serializeSignature({ sigAlg: TPM_ALG.RSAPSS, hash: TPM_ALG.SHA512, sig: pss });
    const pssArea = rsaArea({ scheme: TPM_ALG.RSAPSS, hashAlg: TPM_ALG.SHA512 });
    assert.deepEqual(judged(tpmt(rsapss), pssArea), []);
    for (const [saltLength, wanted] of [
      [256 - 64 - 2, []],
      [32, ["quote_signature"]],
      [0, ["quote_signature"]],
    ] as const) {
      const salted = sign("sha512", quote, { key: rsa.privateKey, padding, saltLength });
      const signature = serializeSignature({ sigAlg: TPM_ALG.RSAPSS, hash: TPM_ALG.SHA512, sig: salted });
      assert.deepEqual(judged(tpmt(signature), pssArea), wanted, `salt of ${saltLength} bytes`);
    }
  });

  test("accepts a bare RSASSA signature", () => {
    const bytes = sign("sha256", quote, rsa.privateKey);
    const area = rsaArea({ scheme: TPM_ALG.NULL });
    assert.deepEqual(judged({ format: "rsassa-sha256", bytes }, area), []);
    assert.deepEqual(judged({ format: "rsassa-sha256", bytes: bytes.with(0, (bytes[0] as number) ^ 1) }, area), [
      "quote_signature",
    ]);
    assert.deepEqual(judged({ format: "rsassa-sha256", bytes }, AK), ["quote_signature_scheme"]);
  });

  test("accepts numbers without their leading zeros, and none that are too long", () => {
    for (let attempt = 0; ; attempt++) {
      assert.ok(attempt < 5000, "a signature with a leading zero");
      const raw = sign("sha256", quote, { key: p256.privateKey, dsaEncoding: "ieee-p1363" });
      if (raw[0] !== 0) continue;
      const common = { sigAlg: TPM_ALG.ECDSA, hash: TPM_ALG.SHA256, s: raw.subarray(32) } as const;
      assert.deepEqual(judged(tpmt(serializeSignature({ ...common, r: raw.subarray(1, 32) })), AK), []);
      const long = Buffer.concat([Buffer.alloc(1), raw.subarray(0, 32)]);
      assert.deepEqual(judged(tpmt(serializeSignature({ ...common, r: long })), AK), ["quote_signature"]);
      const longS = Buffer.concat([Buffer.alloc(1), raw.subarray(32)]);
      const both = { ...common, r: raw.subarray(0, 32), s: longS };
      return assert.deepEqual(judged(tpmt(serializeSignature(both)), AK), ["quote_signature"]);
    }
  });

  test("refuses another scheme or hash than the key's, and SHA-1", () => {
    const sig = sign("sha256", quote, rsa.privateKey);
    const rsassa = tpmt(serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash: TPM_ALG.SHA256, sig }));
    for (const scheme of [
      { scheme: TPM_ALG.RSAPSS, hashAlg: TPM_ALG.SHA256 },
      { scheme: TPM_ALG.RSASSA, hashAlg: TPM_ALG.SHA384 },
    ]) {
      assert.deepEqual(judged(rsassa, rsaArea(scheme)), ["quote_signature_scheme"]);
    }
    assert.deepEqual(judged(rsassa, AK), ["quote_signature_scheme"]);
    const weak = sign("sha1", quote, rsa.privateKey);
    const sha1 = tpmt(serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash: TPM_ALG.SHA1, sig: weak }));
    assert.deepEqual(judged(sha1, rsaArea({ scheme: TPM_ALG.NULL })), ["quote_signature_scheme"]);
    assert.deepEqual(judged(tpmt(ecdsa(quote)), rsaArea({ scheme: TPM_ALG.NULL })), ["quote_signature_scheme"]);
  });

  test("refuses a signature of another key, and one that does not parse", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    assert.deepEqual(judged(tpmt(ecdsa(quote)), eccArea(other.publicKey, TPM_ECC.NIST_P256, TPM_ALG.SHA256)), [
      "quote_signature",
    ]);
    assert.deepEqual(judged(tpmt(ecdsa(quote).subarray(1)), AK), ["quote_signature_malformed"]);
  });
});

describe("verifyAkPublic()", () => {
  const judgedArea = (area: TpmtPublic): string[] =>
    codes(verifyAkPublic({ format: "tpmt-public", bytes: serializePublic(area) }).checks);

  test("accepts a key that signs only what its TPM made", () => {
    assert.deepEqual(judgedArea(AK), []);
  });

  test("refuses a key that lacks one of the attributes, and one that decrypts", () => {
    const { fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign: signs, decrypt } = TPMA_OBJECT;
    for (const attribute of [fixedTPM, fixedParent, sensitiveDataOrigin, restricted, signs]) {
      const area = { ...AK, objectAttributes: AK.objectAttributes & ~attribute };
      assert.deepEqual(judgedArea(area), ["ak_public_attributes"], `0x${attribute.toString(16)}`);
    }
    assert.deepEqual(judgedArea({ ...AK, objectAttributes: AK.objectAttributes | decrypt }), ["ak_public_attributes"]);
  });

  test("refuses SHA-1 in name and scheme", () => {
    assert.deepEqual(judgedArea({ ...AK, nameAlg: TPM_ALG.SHA1 }), ["ak_public_scheme"]);
    assert.deepEqual(judgedArea(rsaArea({ scheme: TPM_ALG.RSASSA, hashAlg: TPM_ALG.SHA1 })), ["ak_public_scheme"]);
  });

  test("says which scheme a key has", () => {
    const shown = (area: TpmtPublic): unknown => {
      const { checks } = verifyAkPublic({ format: "tpmt-public", bytes: serializePublic(area) });
      return checks.find(({ name }) => name === "akPublic.scheme")?.got;
    };
    assert.equal(shown(AK), "scheme ECDSA with SHA256, nameAlg SHA256");
    assert.equal(shown(rsaArea({ scheme: TPM_ALG.NULL })), "scheme NULL, nameAlg SHA256");
  });

  test("refuses what is no key", () => {
    const bytes = serializePublic(AK);
    assert.deepEqual(codes(verifyAkPublic({ format: "tpmt-public", bytes: bytes.subarray(1) }).checks), [
      "ak_public_malformed",
    ]);
    assert.deepEqual(codes(verifyAkPublic({ format: "spki", der: bytes, vouchedBy: "test" }).checks), [
      "ak_public_malformed",
    ]);
  });

  test("takes a key that comes alone by the word of whoever vouches for it, and says so", () => {
    const der = new Uint8Array(p256.publicKey.export({ format: "der", type: "spki" }));
    const { checks, attestationKey } = verifyAkPublic({ format: "spki", der, vouchedBy: "the paravisor" });
    assert.deepEqual(
      checks.map((done) => [done.name, done.outcome, done.outcome === "accepted-by-choice" ? done.reason : ""]),
      [
        ["akPublic.format", "pass", ""],
        ["akPublic.attributes", "accepted-by-choice", "vouched for by the paravisor"],
        ["akPublic.scheme", "accepted-by-choice", "vouched for by the paravisor"],
      ],
    );
    assert.equal(attestationKey?.area, undefined);
    const quote = quoteWith();
    assert.deepEqual(codes(verifyQuote(inputOf(quote), attestationKey).checks), []);
  });

  test("refuses a signature that a key that comes alone can't make", () => {
    const quote = quoteWith();
    const { n, e } = rsa.publicKey.export({ format: "jwk" });
    const [modulus, exponent] = [n, e].map((text) => Buffer.from(text ?? "", "base64url")) as [Buffer, Buffer];
    const vouchedBy = "test";
    const ofRsa = verifyAkPublic({ format: "rsa", modulus, exponent, vouchedBy }).attestationKey;
    const der = new Uint8Array(p256.publicKey.export({ format: "der", type: "spki" }));
    const ofEc = verifyAkPublic({ format: "spki", der, vouchedBy }).attestationKey;
    const bare = { format: "rsassa-sha256", bytes: sign("sha256", quote, rsa.privateKey) } as const;
    assert.deepEqual(codes(verifyQuote(inputOf(quote, { signature: bare }), ofRsa).checks), []);
    assert.deepEqual(codes(verifyQuote(inputOf(quote, { signature: bare }), ofEc).checks), ["quote_signature_scheme"]);
    assert.deepEqual(codes(verifyQuote(inputOf(quote), ofRsa).checks), ["quote_signature_scheme"]);
  });
});
