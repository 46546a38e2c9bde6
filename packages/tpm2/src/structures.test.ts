import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
import fc from "fast-check";
import type { QuoteAttest } from "./attest.ts";
import { parseQuoteAttest, serializeQuoteAttest } from "./attest.ts";
import { algName, TPM_ALG } from "./constants.ts";
import { TpmError } from "./error.ts";
import { computeName } from "./name.ts";
import { parsePcrSelections, selectedPcrs, selectPcrs, serializePcrSelections } from "./pcr-selection.ts";
import type { EccPublic } from "./public-area.ts";
import { parsePublic, serializePublic } from "./public-area.ts";
import { parseSignature, serializeSignature } from "./signature.ts";
import { tpmPublicToSpki } from "./spki.ts";
import { AK_TEMPLATE, EK_TEMPLATE } from "./templates.ts";

const VECTOR = new URL("../vectors/gce-cos-85/", import.meta.url);
const RSA_PUBLIC = new Uint8Array(readFileSync(new URL("ak_public.bin", VECTOR)));
const RSA_QUOTE = new Uint8Array(readFileSync(new URL("quote_sha256.msg", VECTOR)));
const RSA_SIGNATURE = new Uint8Array(readFileSync(new URL("quote_sha256.sig", VECTOR)));

/** The generator of P-256: a point that is on the curve. */
const POINT = {
  x: fromHex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
  y: fromHex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
};

describe("algName()", () => {
  it("names what it knows, and gives the number of what it does not", () => {
    assert.equal(algName(0x0014), "RSASSA");
    assert.equal(algName(0x000b), "SHA256");
    assert.equal(algName(0x0027), "0x0027");
  });
});

const QUOTE: QuoteAttest = {
  qualifiedSigner: Uint8Array.of(0, 0x0b, ...new Uint8Array(32)),
  extraData: Uint8Array.of(1, 2, 3),
  clockInfo: { clock: 2n ** 63n, resetCount: 7, restartCount: 8, safe: true },
  firmwareVersion: 0x1122334455667788n,
  pcrSelect: [selectPcrs([0, 15])],
  pcrDigest: new Uint8Array(32),
};

/** Each parser with bytes it accepts. */
const PARSERS: readonly [string, (bytes: Uint8Array) => unknown, Uint8Array][] = [
  ["parsePublic", parsePublic, RSA_PUBLIC],
  ["parsePublic of ECC", parsePublic, serializePublic(AK_TEMPLATE)],
  ["parseQuoteAttest", parseQuoteAttest, RSA_QUOTE],
  ["parseSignature", parseSignature, RSA_SIGNATURE],
  ["parsePcrSelections", parsePcrSelections, serializePcrSelections([selectPcrs([1, 2, 3])])],
];

describe("structures", () => {
  for (const [name, parse, bytes] of PARSERS) {
    it(`${name}() refuses truncated and trailing data`, () => {
      assert.doesNotThrow(() => parse(bytes));
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => parse(bytes.subarray(0, length)), { name: "TpmError" });
      }
      assert.throws(() => parse(Uint8Array.of(...bytes, 0)), { name: "TpmError", code: "malformed" });
    });

    it(`${name}() throws nothing but TpmError on changed bytes`, () => {
      const property = fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(bytes);
        changed[at] = value;
        try {
          parse(changed);
        } catch (error) {
          assert.ok(error instanceof TpmError, String(error));
        }
      });
      fc.assert(property, { numRuns: 500, seed: 1 });
    });
  }

  it("serialise to the bytes that were parsed", () => {
    assert.equal(hex(serializePublic(parsePublic(RSA_PUBLIC))), hex(RSA_PUBLIC));
    assert.equal(hex(serializeQuoteAttest(parseQuoteAttest(RSA_QUOTE))), hex(RSA_QUOTE));
    assert.equal(hex(serializeSignature(parseSignature(RSA_SIGNATURE))), hex(RSA_SIGNATURE));
    assert.deepEqual(parsePublic(serializePublic(EK_TEMPLATE)), EK_TEMPLATE);
    assert.deepEqual(parseQuoteAttest(serializeQuoteAttest(QUOTE)), QUOTE);
    const ecdsa = { sigAlg: TPM_ALG.ECDSA, hash: TPM_ALG.SHA256, r: POINT.x, s: POINT.y } as const;
    assert.deepEqual(parseSignature(serializeSignature(ecdsa)), ecdsa);
    const unsafe = { ...QUOTE, clockInfo: { ...QUOTE.clockInfo, safe: false } };
    assert.deepEqual(parseQuoteAttest(serializeQuoteAttest(unsafe)), unsafe);
  });
});

describe("parseQuoteAttest()", () => {
  it("refuses other magic values and other attestations", () => {
    const bytes = serializeQuoteAttest(QUOTE);
    const magic = Uint8Array.from(bytes).fill(0xfe, 0, 1);
    const type = Uint8Array.from(bytes).fill(0x17, 5, 6);
    assert.throws(() => parseQuoteAttest(magic), { code: "quote_magic" });
    assert.throws(() => parseQuoteAttest(type), { code: "quote_type" });
  });

  it("refuses a truth value other than 0 and 1", () => {
    const bytes = serializeQuoteAttest({ ...QUOTE, qualifiedSigner: new Uint8Array(0), extraData: new Uint8Array(0) });
    const at = 4 + 2 + 2 + 2 + 8 + 4 + 4;
    assert.throws(() => parseQuoteAttest(Uint8Array.from(bytes).fill(2, at, at + 1)), { code: "malformed" });
  });
});

describe("selectPcrs()", () => {
  it("sets one bit for each PCR", () => {
    assert.deepEqual(selectPcrs([0, 7, 8, 23]), { hash: TPM_ALG.SHA256, pcrSelect: Uint8Array.of(0x81, 0x01, 0x80) });
    assert.deepEqual(selectedPcrs(selectPcrs([15, 3, 3, 9])), [3, 9, 15]);
  });

  it("refuses numbers that are no PCR", () => {
    for (const pcr of [-1, 24, 1.5, Number.NaN]) assert.throws(() => selectPcrs([pcr]), { code: "malformed" });
  });
});

describe("computeName()", () => {
  it("is the name algorithm and the digest of the public area", () => {
    assert.equal(hex(computeName(AK_TEMPLATE)).slice(0, 4), "000b");
    assert.equal(computeName(AK_TEMPLATE).length, 34);
  });

  it("refuses SHA-1", () => {
    assert.throws(() => computeName({ ...AK_TEMPLATE, nameAlg: TPM_ALG.SHA1 }), { code: "unsupported" });
  });
});

describe("tpmPublicToSpki()", () => {
  const area: EccPublic = { ...AK_TEMPLATE, unique: POINT };

  it("gives the SubjectPublicKeyInfo of a P-256 key", () => {
    const prefix = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
    assert.equal(hex(tpmPublicToSpki(area)), `${prefix}${hex(POINT.x)}${hex(POINT.y)}`);
  });

  it("gives the SubjectPublicKeyInfo of an RSA key", () => {
    const rsa = parsePublic(RSA_PUBLIC);
    assert.ok(rsa.type === TPM_ALG.RSA);
    assert.ok(hex(tpmPublicToSpki(rsa)).includes(hex(rsa.unique)));
  });

  it("refuses other curves than P-256 and P-384", () => {
    const p521 = { ...area, parameters: { ...area.parameters, curveID: 5 } };
    assert.throws(() => tpmPublicToSpki(p521), { code: "unsupported", message: /got curve "5"/ });
  });

  it("refuses points off the curve and keys of other shapes", () => {
    const rsa = parsePublic(RSA_PUBLIC);
    assert.ok(rsa.type === TPM_ALG.RSA);
    const cases = [
      { ...area, unique: { x: POINT.x, y: POINT.x } },
      { ...area, unique: { x: Uint8Array.of(0, ...POINT.x), y: POINT.y } },
      { ...area, unique: { x: new Uint8Array(32), y: new Uint8Array(32) } },
      { ...rsa, parameters: { ...rsa.parameters, exponent: 3 } },
      { ...rsa, unique: rsa.unique.subarray(1) },
      { ...rsa, unique: new Uint8Array(256) },
    ];
    for (const bad of cases) assert.throws(() => tpmPublicToSpki(bad), { name: "TpmError", code: "key" });
  });
});
