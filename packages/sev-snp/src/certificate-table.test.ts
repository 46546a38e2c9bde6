import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, fromHex, fromUtf8 } from "@constellation/bytes";
import { vectorCases } from "@constellation/testkit/vector-cases";
import { pemToDer } from "@constellation/x509";
import fc from "fast-check";
import { parseCertificateTable } from "./certificate-table.ts";
import { SevSnpError } from "./error.ts";

const VCEK = "63da758de6644564adc5f4b93be8accd";
const END = new Uint8Array(24);

function entry(guid: string, offset: number, length: number): Uint8Array {
  const numbers = new DataView(new ArrayBuffer(8));
  numbers.setUint32(0, offset, true);
  numbers.setUint32(4, length, true);
  return concat(fromHex(guid), new Uint8Array(numbers.buffer));
}

test("parseCertificateTable() reads the table that a host gave a real guest", () => {
  const evidence = vectorCases("sev-snp", "sev-snp").find(({ name }) => name === "genoa-v3-tsm");
  assert.ok(evidence);
  const entries = parseCertificateTable(evidence.file("cert_table"));
  assert.deepEqual(
    entries.map(({ role }) => role),
    ["ARK", "ASK", "VCEK"],
  );
  const [ark, ask, vcek] = entries.map(({ data }) => pemToDer(fromUtf8(data)));
  assert.deepEqual(ark, pemToDer(fromUtf8(evidence.roots[0] as Uint8Array)));
  assert.deepEqual(ask, pemToDer(fromUtf8(evidence.file("ca_chain"))));
  assert.deepEqual(vcek, evidence.file("endorsement_cert"));
});

test("parseCertificateTable() knows the roles by their GUIDs and keeps others", () => {
  const guids = {
    ARK: "c0b406a4a803495297433fb6014cd0ae",
    ASK: "4ab7b379bbac4fe4a02f05aef327c782",
    VCEK,
    VLEK: "a8074bc2a25a483eaae639c045a0b8a1",
    CRL: "92f81bc358114d3d97ffd19f88dc67ea",
  };
  for (const [role, guid] of Object.entries(guids)) {
    const table = concat(entry(guid, 48, 2), END, Uint8Array.of(1, 2));
    assert.deepEqual(parseCertificateTable(table), [{ guid, role, data: Uint8Array.of(1, 2) }]);
  }
  const other = concat(entry("01".repeat(16), 48, 0), END);
  assert.deepEqual(parseCertificateTable(other), [{ guid: "01".repeat(16), data: new Uint8Array(0) }]);
  assert.deepEqual(parseCertificateTable(END), []);
});

test("parseCertificateTable() refuses a table without its end", () => {
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array(23),
    entry(VCEK, 48, 0),
    concat(entry(VCEK, 24, 0), END.subarray(1)),
  ]) {
    refuses(bytes, /wanted an entry of zeros/);
  }
  refuses(entry("00".repeat(16), 24, 0), /wanted an entry of zeros/);
  refuses(entry("00".repeat(16), 0, 1), /wanted an entry of zeros/);
});

test("parseCertificateTable() refuses data outside the bytes after the table", () => {
  const data = Uint8Array.of(1, 2);
  for (const [offset, length] of [
    [47, 1],
    [0, 0],
    [48, 3],
    [51, 0],
    [0xffff_ffff, 0xffff_ffff],
  ] as const) {
    refuses(concat(entry(VCEK, offset, length), END, data), /got data of/);
  }
});

test("parseCertificateTable() refuses entries that share their data", () => {
  const at = (offset: number, length: number) => concat(entry(VCEK, 72, 2), entry(VCEK, offset, length), END);
  const data = Uint8Array.of(1, 2, 3);
  assert.deepEqual(
    parseCertificateTable(concat(at(74, 1), data)).map((one) => one.data),
    [Uint8Array.of(1, 2), Uint8Array.of(3)],
  );
  refuses(concat(at(72, 2), data), /got 4 bytes of data, wanted 3 or fewer/);
  // Copied out, 64 entries of the whole table would be a gibibyte.
  const large = new Uint8Array(16 * 1024 * 1024);
  large.set(concat(...Array.from({ length: 64 }, () => entry(VCEK, 65 * 24, large.length - 65 * 24))));
  refuses(large, /bytes of data, wanted 16775656 or fewer/);
});

test("parseCertificateTable() refuses more entries or bytes than any host has", () => {
  const entries = (count: number) =>
    concat(...Array.from({ length: count }, () => entry(VCEK, (count + 1) * 24, 0)), END);
  assert.equal(parseCertificateTable(entries(64)).length, 64);
  refuses(entries(65), /more than 64 entries/);
  refuses(new Uint8Array(16 * 1024 * 1024 + 1), /wanted 16777216 or fewer/);
});

test("parseCertificateTable() throws nothing but SevSnpError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        parseCertificateTable(bytes);
      } catch (error) {
        assert.ok(error instanceof SevSnpError);
      }
    }),
  );
});

function refuses(bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => parseCertificateTable(bytes), { code: "certificate_table", message });
}
