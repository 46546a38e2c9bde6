import assert from "node:assert/strict";
import { constants, createHash, generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fromHex } from "@constellation/bytes";
import type { QuoteAttest } from "./attest.ts";
import { serializeQuoteAttest } from "./attest.ts";
import { TPM_ALG, TPM_ECC, TPMA_OBJECT } from "./constants.ts";
import { selectPcrs } from "./pcr-selection.ts";
import type { EccPublic, RsaPublic } from "./public-area.ts";
import { parsePublic } from "./public-area.ts";
import { parseSignature, serializeSignature } from "./signature.ts";
import { AK_TEMPLATE } from "./templates.ts";
import type { VerifyQuoteOptions } from "./verify-quote.ts";
import { verifyQuote } from "./verify-quote.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const POINT = publicKey.export({ format: "jwk" });
const AK: EccPublic = {
  ...AK_TEMPLATE,
  unique: { x: Buffer.from(POINT.x ?? "", "base64url"), y: Buffer.from(POINT.y ?? "", "base64url") },
};
const PCRS: ReadonlyMap<number, Uint8Array> = new Map(
  [0, 4, 15].map((index) => [index, createHash("sha256").update(String(index)).digest()]),
);
const NONCE = Buffer.from("nonce");
const PCR_DIGEST = createHash("sha256")
  .update(Buffer.concat([...PCRS.values()]))
  .digest();

/** A quote over {@link PCRS}, changed before it is signed with our key. */
function signed(change: Partial<QuoteAttest> = {}): Pick<VerifyQuoteOptions, "quote" | "signature"> {
  const quote = serializeQuoteAttest({
    qualifiedSigner: new Uint8Array(34),
    extraData: NONCE,
    clockInfo: { clock: 1n, resetCount: 1, restartCount: 1, safe: true },
    firmwareVersion: 1n,
    pcrSelect: [selectPcrs(PCRS.keys())],
    pcrDigest: PCR_DIGEST,
    ...change,
  });
  return { quote, signature: ecdsa(quote) };
}

function ecdsa(message: Uint8Array, hash: number = TPM_ALG.SHA256): Uint8Array {
  const raw = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
  return serializeSignature({ sigAlg: TPM_ALG.ECDSA, hash, r: raw.subarray(0, 32), s: raw.subarray(32) });
}

function options(change: Partial<VerifyQuoteOptions> = {}): VerifyQuoteOptions {
  return { akPublic: AK, qualifyingData: NONCE, pcrs: PCRS, ...signed(), ...change };
}

function withAttributes(set: number, clear: number): EccPublic {
  return { ...AK, objectAttributes: (AK.objectAttributes | set) & ~clear };
}

describe("verifyQuote()", () => {
  it("accepts a quote over exactly the given PCRs", () => {
    assert.equal(verifyQuote(options()).clockInfo.resetCount, 1);
  });

  it("accepts PCR values in any order", () => {
    verifyQuote(options({ pcrs: new Map([...PCRS].reverse()) }));
  });

  it("accepts an ECDSA signature without leading zeros", () => {
    for (let attempt = 0; attempt < 5000; attempt++) {
      const { quote } = signed({ firmwareVersion: BigInt(attempt) });
      const signature = parseSignature(ecdsa(quote));
      assert.ok(signature.sigAlg === TPM_ALG.ECDSA);
      if (signature.r[0] !== 0) continue;
      const short = serializeSignature({ ...signature, r: signature.r.subarray(1) });
      verifyQuote(options({ quote, signature: short }));
      return;
    }
    assert.fail("no signature with a leading zero in 5000");
  });

  it("refuses keys that could sign foreign data or leave their TPM", () => {
    const cases = [
      withAttributes(0, TPMA_OBJECT.restricted),
      withAttributes(0, TPMA_OBJECT.sign),
      withAttributes(0, TPMA_OBJECT.fixedTPM),
      withAttributes(0, TPMA_OBJECT.fixedParent),
      withAttributes(0, TPMA_OBJECT.sensitiveDataOrigin),
      withAttributes(TPMA_OBJECT.decrypt, 0),
    ];
    for (const akPublic of cases) assert.throws(() => verifyQuote(options({ akPublic })), { code: "ak_attributes" });
  });

  it("refuses signed quotes that say something else", () => {
    const all = selectPcrs(PCRS.keys());
    const cases: [Partial<QuoteAttest>, string][] = [
      [{ extraData: Buffer.from("other") }, "quote_nonce"],
      [{ extraData: new Uint8Array(0) }, "quote_nonce"],
      [{ pcrSelect: [] }, "quote_pcr_selection"],
      [{ pcrSelect: [selectPcrs([0, 4])] }, "quote_pcr_selection"],
      [{ pcrSelect: [selectPcrs([0, 4, 15, 16])] }, "quote_pcr_selection"],
      [{ pcrSelect: [all, all] }, "quote_pcr_selection"],
      [{ pcrSelect: [{ ...all, hash: TPM_ALG.SHA1 }] }, "quote_pcr_selection"],
      [{ pcrSelect: [all, { hash: TPM_ALG.SHA1, pcrSelect: new Uint8Array(3) }] }, "quote_pcr_selection"],
      [{ pcrDigest: new Uint8Array(32) }, "quote_pcr_digest"],
      [{ pcrDigest: PCR_DIGEST.subarray(1) }, "quote_pcr_digest"],
    ];
    for (const [change, code] of cases) {
      assert.throws(() => verifyQuote(options(signed(change))), { name: "TpmError", code }, JSON.stringify(code));
    }
  });

  it("refuses data that are signed by the key but not made by a TPM", () => {
    const quote = Uint8Array.from(signed().quote).fill(0, 0, 4);
    assert.throws(() => verifyQuote(options({ quote, signature: ecdsa(quote) })), { code: "quote_magic" });
    const certify = Uint8Array.from(signed().quote).fill(0x17, 5, 6);
    assert.throws(() => verifyQuote(options({ quote: certify, signature: ecdsa(certify) })), { code: "quote_type" });
  });

  it("accepts a quote over one PCR, and refuses one over none", () => {
    const over = (pcrs: ReadonlyMap<number, Uint8Array>) => {
      const pcrDigest = createHash("sha256")
        .update(Buffer.concat([...pcrs.values()]))
        .digest();
      return verifyQuote(options({ ...signed({ pcrSelect: [selectPcrs(pcrs.keys())], pcrDigest }), pcrs }));
    };
    over(new Map([[4, new Uint8Array(32)]]));
    assert.throws(() => over(new Map()), { code: "quote_pcr_selection" });
  });

  it("refuses PCR values that do not fit, naming both digests", () => {
    const pcrs = new Map(PCRS).set(4, new Uint8Array(32));
    assert.throws(() => verifyQuote(options({ pcrs })), {
      code: "quote_pcr_digest",
      message: /wanted the quoted "[0-9a-f]{64}"$/u,
    });
    assert.throws(() => verifyQuote(options({ pcrs: new Map(PCRS).set(4, new Uint8Array(31)) })), {
      code: "malformed",
    });
  });

  it("holds a key to its own scheme and hash, where it has them, and SHA-256", () => {
    const { quote } = signed();
    const withScheme = (scheme: EccPublic["parameters"]["scheme"], signature = ecdsa(quote)) => {
      return verifyQuote(options({ akPublic: { ...AK, parameters: { ...AK.parameters, scheme } }, quote, signature }));
    };
    const any = { scheme: TPM_ALG.NULL };
    withScheme(any);
    assert.throws(() => withScheme(any, ecdsa(quote, TPM_ALG.SHA384)), { code: "quote_scheme" });
    assert.throws(() => withScheme({ scheme: TPM_ALG.ECDSA, hashAlg: TPM_ALG.SHA384 }), { code: "quote_scheme" });
  });

  it("accepts a P-384 key with SHA-256, and an RSA key with RSAPSS", () => {
    const { quote } = signed();
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const { x, y } = p384.publicKey.export({ format: "jwk" });
    const unique = { x: Buffer.from(x ?? "", "base64url"), y: Buffer.from(y ?? "", "base64url") };
    const ecc = { ...AK, parameters: { ...AK.parameters, curveID: TPM_ECC.NIST_P384 }, unique };
    const raw = sign("sha256", quote, { key: p384.privateKey, dsaEncoding: "ieee-p1363" });
    const hash = TPM_ALG.SHA256;
    const ecdsa384 = { sigAlg: TPM_ALG.ECDSA, hash, r: raw.subarray(0, 48), s: raw.subarray(48) } as const;
    verifyQuote(options({ akPublic: ecc, quote, signature: serializeSignature(ecdsa384) }));

    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { n } = rsa.publicKey.export({ format: "jwk" });
    const scheme = { scheme: TPM_ALG.RSAPSS, hashAlg: hash };
    const parameters = { symmetric: { algorithm: TPM_ALG.NULL }, scheme, keyBits: 2048, exponent: 0 };
    const area: RsaPublic = { ...AK, type: TPM_ALG.RSA, parameters, unique: Buffer.from(n ?? "", "base64url") };
    const pss = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const rsapss = serializeSignature({ sigAlg: TPM_ALG.RSAPSS, hash, sig: sign("sha256", quote, pss) });
    verifyQuote(options({ akPublic: area, quote, signature: rsapss }));

    const refused = (signature: Uint8Array, akPublic: RsaPublic, code: string) => {
      assert.throws(() => verifyQuote(options({ akPublic, quote, signature })), { code });
    };
    const other = sign("sha256", Buffer.from("else"), pss);
    refused(serializeSignature({ sigAlg: TPM_ALG.RSAPSS, hash, sig: other }), area, "quote_signature");
    const pkcs1 = sign("sha256", quote, rsa.privateKey);
    refused(serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash, sig: pkcs1 }), area, "quote_scheme");
    const anyScheme = { ...area, parameters: { ...parameters, scheme: { scheme: TPM_ALG.NULL } } };
    refused(ecdsa(quote), anyScheme, "quote_scheme");
  });

  it("refuses numbers of an ECDSA signature that are longer than the curve's", () => {
    const { quote, signature } = signed();
    const parsed = parseSignature(signature);
    assert.ok(parsed.sigAlg === TPM_ALG.ECDSA);
    for (const name of ["r", "s"] as const) {
      const long = serializeSignature({ ...parsed, [name]: Uint8Array.of(0, ...new Uint8Array(32).fill(1)) });
      assert.throws(() => verifyQuote(options({ quote, signature: long })), { code: "quote_signature" });
    }
  });

  it("refuses another signature, scheme or hash", () => {
    const { quote } = signed();
    const other = serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash: TPM_ALG.SHA256, sig: new Uint8Array(256) });
    assert.throws(() => verifyQuote(options({ signature: ecdsa(Buffer.from("else")) })), { code: "quote_signature" });
    assert.throws(() => verifyQuote(options({ signature: ecdsa(quote, TPM_ALG.SHA1) })), { code: "quote_scheme" });
    assert.throws(() => verifyQuote(options({ signature: other })), { code: "quote_scheme" });
    const zero = { sigAlg: TPM_ALG.ECDSA, hash: TPM_ALG.SHA256, r: new Uint8Array(32), s: new Uint8Array(32) } as const;
    assert.throws(() => verifyQuote(options({ signature: serializeSignature(zero) })), { code: "quote_signature" });
  });
});

describe("verifyQuote() of a cloud vTPM with an RSA key", () => {
  const file = (name: string): Uint8Array => readFileSync(new URL(`../vectors/gce-cos-85/${name}`, import.meta.url));
  const values = JSON.parse(Buffer.from(file("pcrs.json")).toString("utf8")) as { sha256: Record<string, string> };
  const good: VerifyQuoteOptions = {
    akPublic: parsePublic(file("ak_public.bin")),
    quote: file("quote_sha256.msg"),
    signature: file("quote_sha256.sig"),
    qualifyingData: new Uint8Array(0),
    pcrs: new Map(Object.entries(values.sha256).map(([index, value]) => [Number(index), fromHex(value)])),
  };

  it("accepts its SHA-256 quote", () => {
    verifyQuote(good);
  });

  it("refuses its quotes of other banks, a nonce it does not hold, and a changed byte", () => {
    const sha384 = { quote: file("quote_sha384.msg"), signature: file("quote_sha384.sig") };
    const flipped = Uint8Array.from(good.quote);
    flipped[80] = (flipped[80] ?? 0) ^ 1;
    assert.throws(() => verifyQuote({ ...good, ...sha384 }), { code: "quote_pcr_selection" });
    assert.throws(() => verifyQuote({ ...good, qualifyingData: NONCE }), { code: "quote_nonce" });
    assert.throws(() => verifyQuote({ ...good, quote: flipped }), { code: "quote_signature" });
    assert.throws(() => verifyQuote({ ...good, akPublic: AK }), { code: "quote_scheme" });
  });
});
