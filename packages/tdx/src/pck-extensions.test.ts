import assert from "node:assert/strict";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { FAKE_PCK, issueCertificate, sgxExtensionPairs, sgxExtensions } from "./testing/index.ts";
import { bool, enumerated, int, octets, oid, seq, tlv } from "@constellation/der/testing/der-writer";
import { TdxError } from "./index.ts";
import { type PckExtensions, readPckExtensions } from "./pck-extensions.ts";

const SGX = "1.2.840.113741.1.13.1";

async function read(value: Uint8Array | undefined): Promise<PckExtensions> {
  const request = { commonName: "Intel SGX PCK Certificate", ...(value && { sgxExtensions: value }) };
  return readPckExtensions((await issueCertificate(request)).certificate);
}

/** The pairs with the one of this number replaced. */
function replacing(number: number, ...pairs: readonly Uint8Array[]): Uint8Array {
  return seq(...sgxExtensionPairs().flatMap((pair, index) => (index === number - 1 ? pairs : [pair])));
}

const pair = (suffix: string, value: Uint8Array) => seq(oid(`${SGX}.${suffix}`), value);

test("readPckExtensions() reads what the platform CA certifies", async () => {
  const pck = await read(sgxExtensions());
  assert.deepEqual([hex(pck.FMSPC), hex(pck.PCEID), hex(pck.PPID)], ["b0c06f000000", "0000", "11".repeat(16)]);
  assert.deepEqual(pck.TCB.components, FAKE_PCK.components);
  assert.deepEqual([pck.TCB.PCESVN, hex(pck.TCB.CPUSVN)], [13, "03030202040100050000000000000000"]);
  assert.equal(pck.SGXType, 1);
  assert.equal(hex(pck.platformInstanceId ?? new Uint8Array()), "66".repeat(16));
  assert.deepEqual(pck.configuration, { dynamicPlatform: false, cachedKeys: true, smtEnabled: true });
});

test("readPckExtensions() reads what the processor CA certifies, in any order, with more", async () => {
  const pairs = sgxExtensionPairs({ ...FAKE_PCK, isPlatform: false }).toReversed();
  const pck = await read(seq(pair("99", int(1)), ...pairs));
  assert.deepEqual([pck.platformInstanceId, pck.configuration], [undefined, undefined]);
  assert.equal(pck.TCB.PCESVN, 13);
});

test("readPckExtensions() refuses certificates without the extensions or a part of them", async () => {
  const values = [undefined, Uint8Array.of(1), int(1), seq(int(1)), seq(pair("1", seq())), seq(seq(oid(SGX)))];
  for (const value of values) await assert.rejects(read(value), TdxError);
  for (const number of [1, 2, 3, 4, 5]) await assert.rejects(read(replacing(number)), TdxError, `without ${number}`);
});

test("readPckExtensions() refuses values of another form", async () => {
  const wrong: [number, Uint8Array][] = [
    [1, octets(new Uint8Array(15))],
    [1, int(1)],
    [2, seq()],
    [2, octets(new Uint8Array(2))],
    [3, octets(new Uint8Array(3))],
    [4, octets(new Uint8Array(5))],
    [5, enumerated(3)],
    [5, int(1)],
    [5, tlv(0x0a)],
    [5, tlv(0x0a, Uint8Array.of(0, 1))],
    [6, octets(new Uint8Array(17))],
    [7, seq(pair("7.1", bool(true)))],
    [7, seq(pair("7.1", int(1)), pair("7.2", int(1)), pair("7.3", int(1)))],
  ];
  for (const [number, value] of wrong) {
    await assert.rejects(read(replacing(number, pair(String(number), value))), TdxError, `${number}: ${hex(value)}`);
  }
  const [ppid] = sgxExtensionPairs();
  await assert.rejects(read(replacing(1, ppid as Uint8Array, ppid as Uint8Array)), TdxError);
  await assert.rejects(read(replacing(1, seq(oid(`${SGX}.1`), octets(new Uint8Array(16)), int(1)))), TdxError);
});

test("readPckExtensions() refuses SVNs out of range", async () => {
  for (const change of [{ PCESVN: 0x1_0000 }, { components: FAKE_PCK.components.map(() => 256) }]) {
    await assert.rejects(read(sgxExtensions({ ...FAKE_PCK, ...change })), TdxError);
  }
  assert.equal((await read(sgxExtensions({ ...FAKE_PCK, PCESVN: 0xffff }))).TCB.PCESVN, 0xffff);
});
