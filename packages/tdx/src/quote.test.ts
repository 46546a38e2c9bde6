import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, hex } from "@constellation/bytes";
import fc from "fast-check";
import { FAKE_BODY, FAKE_QE_REPORT, fakeQuote, newKeys } from "./testing/index.ts";
import { MAX_QUOTE_BYTES, parseQuote, quoteClaims, TdxError, type TdxErrorCode } from "./index.ts";

const pckCertificateChain = new TextEncoder().encode("a chain, which is read later");
const parts = { pckKeys: newKeys(), pckCertificateChain };
const v4 = fakeQuote(parts);
const v5 = fakeQuote({ ...parts, version: 5, tdxVersion: "1.5" });

const refused = (code: TdxErrorCode) => (error: unknown) => error instanceof TdxError && error.code === code;

/** A quote with bytes set at an offset. */
function withBytes(quote: Uint8Array, offset: number, ...bytes: readonly number[]): Uint8Array {
  const changed = quote.slice();
  changed.set(bytes, offset);
  return changed;
}

const SIGNATURE_DATA = 48 + 584;

test("parseQuote() reads every field of a version 4 quote", () => {
  const quote = parseQuote(v4);
  assert.deepEqual([quote.header.version, quote.header.attestationKeyType, quote.header.teeType], [4, 2, 0x81]);
  assert.equal(quote.header.userData.length, 20);
  const { TEE_TCB_SVN_2: _svn, MRSERVICETD: _service, ...fields } = FAKE_BODY;
  assert.deepEqual(quote.body, { tdxVersion: "1.0", ...fields });
  assert.deepEqual(quote.signed, v4.subarray(0, SIGNATURE_DATA));
  assert.deepEqual(
    [quote.quoteSignature.length, quote.attestationKey.length, quote.qeReportSignature.length],
    [64, 64, 64],
  );
  assert.equal(hex(quote.qeAuthenticationData.subarray(0, 4)), "00010203");
  assert.deepEqual(quote.pckCertificateChain, pckCertificateChain);
  const { MISCSELECT, ATTRIBUTES, MRSIGNER, ISVPRODID, ISVSVN } = quote.qeReport;
  assert.deepEqual({ MISCSELECT, ATTRIBUTES, MRSIGNER, ISVPRODID, ISVSVN }, FAKE_QE_REPORT);
  assert.deepEqual([quote.qeReport.encoding.length, quote.qeReport.CONFIGSVN], [384, 0]);
});

test("parseQuote() reads both bodies of a version 5 quote, and signs for their descriptor", () => {
  const quote = parseQuote(v5);
  assert.deepEqual(quote.body, { tdxVersion: "1.5", ...FAKE_BODY });
  assert.equal(quote.signed.length, 48 + 6 + 648);
  const older = parseQuote(fakeQuote({ ...parts, version: 5 }));
  assert.deepEqual([older.body.tdxVersion, older.signed.length], ["1.0", 48 + 6 + 584]);
});

test("parseQuote() gives plain views of a Buffer", () => {
  const { body, signed } = parseQuote(Buffer.from(v4));
  assert.ok(!Buffer.isBuffer(body.MRTD) && !Buffer.isBuffer(signed));
});

test("parseQuote() accepts zero bytes after the signature data, and no others", () => {
  assert.deepEqual(parseQuote(concat(v4, new Uint8Array(100))), parseQuote(v4));
  assert.throws(() => parseQuote(concat(v4, Uint8Array.of(0, 0, 1))), refused("quote_trailing"));
});

test("parseQuote() refuses a quote cut anywhere", () => {
  for (let length = 0; length < v5.length; length++) {
    assert.throws(() => parseQuote(v5.subarray(0, length)), refused("quote_length"), `at ${length}`);
  }
});

test("parseQuote() refuses more bytes than any quote has", () => {
  const padded = concat(v4, new Uint8Array(MAX_QUOTE_BYTES - v4.length));
  assert.doesNotThrow(() => parseQuote(padded));
  assert.throws(() => parseQuote(concat(padded, Uint8Array.of(0))), refused("too_large"));
});

test("parseQuote() refuses headers of other quotes", () => {
  assert.throws(() => parseQuote(withBytes(v4, 0, 3)), refused("quote_version"));
  assert.throws(() => parseQuote(withBytes(v4, 0, 6)), refused("quote_version"));
  assert.throws(() => parseQuote(withBytes(v4, 2, 3)), refused("attestation_key_type"));
  assert.throws(() => parseQuote(withBytes(v4, 4, 0)), refused("tee_type_sgx"));
  assert.throws(() => parseQuote(withBytes(v4, 0, 3, 0, 2, 0, 0)), refused("tee_type_sgx"));
  assert.throws(() => parseQuote(withBytes(v4, 4, 0x82)), refused("tee_type"));
  assert.throws(() => parseQuote(withBytes(v4, 12, 0)), refused("qe_vendor_id"));
});

test("parseQuote() takes what stands in the header's reserved field, which the signature covers", () => {
  const { signed, header } = parseQuote(withBytes(v4, 8, 8, 0, 13, 0));
  assert.equal(hex(signed.subarray(8, 12)), "08000d00");
  assert.deepEqual(header, parseQuote(v4).header);
});

test("parseQuote() reads the extended body of a version 5 quote, and no other of its type", () => {
  const sizes = Array.of(1, 32, 48, 48, 8, 16, 16, 12, 48, 8);
  const extension = concat(...sizes.map((size, index) => new Uint8Array(size).fill(index + 1)));
  const quote = concat(v5.subarray(0, 54 + 648), extension, v5.subarray(54 + 648));
  const extended = withBytes(quote, 48, 4, 0, 0x75, 0x03, 0, 0);
  const { body, signed } = parseQuote(extended);
  const names = ["VMID", "TD_ID", "DEVINFO", "INIT_SERVTD_HASH", "INIT_SERVTD_ATTR", "INIT_CPUSVN"];
  const others = ["INIT_TEE_TCB_SVN", "INIT_TEE_FMSPC", "CURR_SERVTD_HASH", "CURR_SERVTD_ATTR"];
  const fields = [...names, ...others].map((name, index) => [name, new Uint8Array(sizes[index] ?? 0).fill(index + 1)]);
  assert.deepEqual(body, { tdxVersion: "1.5", ...FAKE_BODY, ...Object.fromEntries(fields) });
  assert.deepEqual(signed, extended.subarray(0, 48 + 6 + 885));
  assert.equal(quoteClaims(parseQuote(extended)).TD_ID, "02".repeat(32));
  assert.throws(() => parseQuote(withBytes(extended, 50, 0x74)), refused("body_size"));
  assert.throws(() => parseQuote(withBytes(v5, 48, 4)), refused("body_size"));
});

test("parseQuote() refuses bodies of other types and sizes", () => {
  assert.throws(() => parseQuote(withBytes(v5, 48, 1)), refused("body_type"));
  assert.throws(() => parseQuote(withBytes(v5, 48, 5)), refused("body_type"));
  assert.throws(() => parseQuote(withBytes(v5, 48, 2)), refused("body_size"));
  assert.throws(() => parseQuote(withBytes(v5, 50, 0x87)), refused("body_size"));
});

test("parseQuote() refuses other certification data", () => {
  const type = SIGNATURE_DATA + 4 + 64 + 64;
  assert.throws(() => parseQuote(withBytes(v4, type, 5)), refused("certification_data_type"));
  const inner = type + 6 + 384 + 64 + 2 + 32;
  assert.throws(() => parseQuote(withBytes(v4, inner, 3)), refused("certification_data_type"));
});

test("parseQuote() refuses lengths that contradict one another", () => {
  const view = new DataView(v4.buffer, v4.byteOffset);
  const sizes = [SIGNATURE_DATA, SIGNATURE_DATA + 4 + 128 + 2, SIGNATURE_DATA + 4 + 134 + 384 + 64 + 2 + 32 + 2];
  for (const offset of sizes) {
    const size = view.getUint32(offset, true);
    for (const wrong of [0, size - 1, size + 1, 0xffff_ffff]) {
      const bytes = Array.from(new Uint8Array(Uint32Array.of(wrong).buffer));
      assert.throws(() => parseQuote(withBytes(v4, offset, ...bytes)), TdxError, `${offset}: ${wrong}`);
    }
  }
});

test("parseQuote() refuses bytes behind the parts of the signature data", () => {
  const [outer, certification] = [SIGNATURE_DATA, SIGNATURE_DATA + 4 + 128 + 2];
  const longer = (...offsets: readonly number[]) => {
    const quote = concat(v4, Uint8Array.of(0));
    const view = new DataView(quote.buffer);
    for (const offset of offsets) view.setUint32(offset, view.getUint32(offset, true) + 1, true);
    return quote;
  };
  assert.doesNotThrow(() => parseQuote(longer()));
  assert.throws(() => parseQuote(longer(outer)), refused("quote_length"));
  assert.throws(() => parseQuote(longer(outer, certification)), refused("quote_length"));
});

test("parseQuote() throws nothing but TdxError", () => {
  const parse = (bytes: Uint8Array) => {
    try {
      parseQuote(bytes);
    } catch (error) {
      assert.ok(error instanceof TdxError);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2000 }), parse));
  const changed = fc.array(fc.tuple(fc.nat(v5.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(changed, (changes) => parse(changes.reduce((quote, [at, byte]) => withBytes(quote, at, byte), v5))),
    { numRuns: 1000 },
  );
});

test("quoteClaims() gives every field in hexadecimal", () => {
  const claims = quoteClaims(parseQuote(v5));
  assert.deepEqual([claims.version, claims.tdxVersion], [5, "1.5"]);
  for (const [name, value] of Object.entries(FAKE_BODY)) {
    assert.equal(claims[name as keyof typeof FAKE_BODY], hex(value));
  }
  const older = quoteClaims(parseQuote(v4));
  assert.deepEqual([older.version, older.tdxVersion, older.MRSERVICETD], [4, "1.0", undefined]);
});
