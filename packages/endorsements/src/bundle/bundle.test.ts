import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { FakeAmd } from "@constellation/sev-snp/testing";
import { FakeIntel } from "@constellation/tdx/testing";
import { EndorsementError } from "../error.ts";
import type { EndorsementSource, SevSnpPlatform } from "../source.ts";
import { refusal } from "../testing/errors.ts";
import { FAKE_NOW, FAKE_SEV_SNP, FAKE_TDX } from "../testing/world.ts";
import type { Bundle } from "./bundle.ts";
import { bundleSource } from "./bundle-source.ts";
import { describeBundle } from "./describe.ts";
import { MAX_BUNDLE_BYTES, readBundle, writeBundle } from "./document.ts";
import { gatherBundle } from "./gather.ts";

const amd = new FakeAmd();
const intel = await FakeIntel.create();
const VLEK: SevSnpPlatform = { ...FAKE_SEV_SNP, kind: "VLEK" };
const OTHER_CHIP: SevSnpPlatform = { ...FAKE_SEV_SNP, chipId: new Uint8Array(64).fill(0xc2) };
const PROCESSOR = { ...FAKE_TDX, ca: "processor" } as const;

const crl = amd.issueCrl([], { nextUpdate: new Date("2026-03-01T00:00:00Z") });
const { certificate: vcek } = amd.issueVcek({ hwId: FAKE_SEV_SNP.chipId, tcb: FAKE_SEV_SNP.tcb });
const collateral = intel.collateral();
const asked: string[] = [];
const vendors: EndorsementSource = {
  async sevSnp({ kind, chipId }) {
    asked.push(`${kind} ${chipId[0]}`);
    if (kind === "VLEK") return { caChain: [amd.asvk, amd.ark], crls: [crl] };
    return { endorsementCert: vcek, caChain: [amd.ask, amd.ark], crls: [crl] };
  },
  async tdx({ ca }) {
    asked.push(ca);
    return collateral;
  },
};
const BUNDLE = await gatherBundle(
  vendors,
  { sevSnp: [FAKE_SEV_SNP, VLEK, OTHER_CHIP, FAKE_SEV_SNP], tdx: [FAKE_TDX, PROCESSOR] },
  FAKE_NOW,
);
const EMPTY: Bundle = { createdAt: FAKE_NOW, authorities: [], vceks: [], tdx: [] };

/** The document of the bundle with something put in the place of another. */
function changed(from: string | RegExp, to: string): string {
  const document = writeBundle(BUNDLE);
  const result = document.replace(from, to);
  assert.notEqual(result, document);
  return result;
}

test("gatherBundle() has each endorsement once", () => {
  assert.deepEqual(
    BUNDLE.authorities.map(({ kind }) => kind),
    ["VCEK", "VLEK"],
  );
  assert.equal(BUNDLE.vceks.length, 2);
  assert.equal(BUNDLE.tdx.length, 2);
  assert.deepEqual(asked.slice(-2), ["platform", "processor"]);
});

test("gatherBundle() fails where anything cannot be had", async () => {
  const broken = { ...vendors, tdx: () => Promise.reject(new EndorsementError("timeout", "Fetch failed")) };
  await assert.rejects(gatherBundle(broken, { sevSnp: [], tdx: [FAKE_TDX] }, FAKE_NOW), refusal("timeout"));
});

test("readBundle() gives what writeBundle() took, from text and bytes", () => {
  const document = writeBundle(BUNDLE);
  assert.deepEqual(readBundle(document), BUNDLE);
  assert.deepEqual(readBundle(utf8(document)), BUNDLE);
  assert.deepEqual(readBundle(writeBundle(EMPTY)), EMPTY);
});

test("bundleSource() gives what the vendors gave", async () => {
  const source = bundleSource(readBundle(writeBundle(BUNDLE)));
  for (const platform of [FAKE_SEV_SNP, VLEK, OTHER_CHIP]) {
    assert.deepEqual(await source.sevSnp(platform), await vendors.sevSnp(platform));
  }
  for (const platform of [FAKE_TDX, PROCESSOR]) assert.deepEqual(await source.tdx(platform), collateral);
});

test("bundleSource() refuses what it lacks", async () => {
  const source = bundleSource(BUNDLE);
  const other = new Uint8Array(64).fill(0xc3);
  await assert.rejects(source.sevSnp({ ...FAKE_SEV_SNP, chipId: other }), refusal("not_in_bundle", hex(other)));
  await assert.rejects(
    source.sevSnp({ ...FAKE_SEV_SNP, tcb: new Uint8Array(8) }),
    refusal("not_in_bundle", "blSPL=00"),
  );
  await assert.rejects(
    source.sevSnp({ ...FAKE_SEV_SNP, product: "Genoa" }),
    refusal("not_in_bundle", "VCEK authority"),
  );
  await assert.rejects(
    source.sevSnp({ ...VLEK, product: "Turin" }),
    refusal("not_in_bundle", "VLEK authority of Turin"),
  );
  await assert.rejects(source.sevSnp({ ...FAKE_SEV_SNP, chipId: new Uint8Array(64) }), refusal("chip_masked"));
  await assert.rejects(source.tdx({ ...FAKE_TDX, fmspc: new Uint8Array(6) }), refusal("not_in_bundle", "000000000000"));
});

test("describeBundle() tells what is over when, soonest first", () => {
  const { createdAt, expires, parts } = describeBundle(BUNDLE);
  assert.deepEqual(createdAt, FAKE_NOW);
  assert.deepEqual(expires, new Date("2026-01-15T00:00:00Z"));
  const days = parts.map((part) => `${part.expires.toISOString().slice(0, 10)} ${part.name}`);
  const dates = parts.map((part) => part.expires.getTime());
  assert.deepEqual(
    dates,
    dates.toSorted((one, other) => one - other),
  );
  for (const line of [
    "2026-01-15 TCB info, collateral of FMSPC b0c06f000000, platform CA",
    "2026-01-15 QE identity, collateral of FMSPC b0c06f000000, processor CA",
    "2026-03-01 CRL, VLEK authority of Milan",
    "2031-01-01 VCEK of Milan chip c1c1c1c1c1c1c1c1... at TCB 04000000000018db",
    "2035-01-01 root CA CRL, collateral of FMSPC b0c06f000000, platform CA",
    "2045-10-22 certificate OU=Constellation FAKE, C=US, L=Santa Clara, ST=CA, O=Advanced Micro Devices, CN=SEV-Milan, VCEK",
  ]) {
    assert.ok(
      days.some((day) => day.startsWith(line)),
      `${line} in ${days.join("\n")}`,
    );
  }
  assert.equal(parts.length, 2 * 3 + 2 + 2 * (4 + 3 * 2));
  assert.deepEqual(describeBundle(EMPTY), { createdAt: FAKE_NOW, expires: undefined, parts: [] });
});

test("readBundle() takes what is over: to say so is for verification", () => {
  const past = amd.issueCrl([], { nextUpdate: new Date("2024-02-01T00:00:00Z") });
  const [authority] = BUNDLE.authorities;
  assert.ok(authority);
  const old: Bundle = { ...EMPTY, authorities: [{ ...authority, crls: [past] }] };
  assert.deepEqual(readBundle(writeBundle(old)), old);
  assert.deepEqual(describeBundle(old).expires, new Date("2024-02-01T00:00:00Z"));
});

test("readBundle() refuses documents of another form", () => {
  const documents = [
    "",
    "[]",
    "{}",
    "{",
    changed("constellation-endorsements/1", "constellation-endorsements/2"),
    changed('"createdAt"', '"created"'),
    changed('"createdAt"', '"more": 1, "createdAt"'),
    changed('"createdAt"', '"createdAt": "2026-01-01T00:00:00Z", "createdAt"'),
    changed("2026-01-01T00:00:00.000Z", "yesterday"),
    changed('"Milan"', '"Naples"'),
    changed('"VLEK"', '"VXEK"'),
    changed('"platform"', '"root"'),
    changed(/"chipId": "c1/, '"chipId": "'),
    changed(/"tcb": "04/, '"tcb": "'),
    changed(/"fmspc": "b0/, '"fmspc": "B0'),
    changed(/"tcbInfo": "[0-9a-f]+"/, '"tcbInfo": ""'),
    changed(/"tcbInfo": "[0-9a-f]+",/, ""),
  ];
  for (const document of documents) {
    assert.throws(() => readBundle(document), refusal("bundle_malformed"), document.slice(0, 200));
  }
  assert.throws(() => readBundle(Uint8Array.of(0xff)), refusal("bundle_malformed"));
});

test("readBundle() refuses parts that are not what they stand for", () => {
  const parts = ["endorsementCert", "tcbInfo", "qeIdentity", "rootCaCrl", "pckCrl", "tcbInfoIssuerChain"];
  for (const part of [...parts, "qeIdentityIssuerChain", "pckCrlIssuerChain"]) {
    const document = changed(new RegExp(`"${part}": "[0-9a-f]+"`), `"${part}": "3000"`);
    assert.throws(() => readBundle(document), refusal("bundle_malformed", "failed"), part);
  }
  for (const der of [amd.ask, crl]) {
    assert.throws(() => readBundle(changed(hex(der), "3000")), refusal("bundle_malformed"));
  }
  assert.throws(() => readBundle(changed("c1".repeat(64), "00".repeat(64))), refusal("bundle_malformed", "CHIP_ID"));
});

test("readBundle() refuses two endorsements for one platform", () => {
  const chips = changed("c2".repeat(64), "c1".repeat(64));
  assert.throws(
    () => readBundle(chips),
    refusal("bundle_malformed", "two of https://kdsintf.amd.com/vcek/v1/Milan/c1c1"),
  );
  assert.throws(() => readBundle(changed('"VLEK"', '"VCEK"')), refusal("bundle_malformed", "two of VCEK authority"));
  assert.throws(
    () => readBundle(changed('"processor"', '"platform"')),
    refusal("bundle_malformed", "two of collateral"),
  );
});

test("readBundle() is bounded by the size of a document, whatever it holds", () => {
  assert.throws(() => readBundle(" ".repeat(MAX_BUNDLE_BYTES + 1)), refusal("bundle_malformed", "bytes"));
  const filled = (text: string, start: string, end: string) =>
    `${start}${text.repeat((MAX_BUNDLE_BYTES - start.length - end.length) / text.length)}${end}`;
  const documents = [
    filled("0", '{"format":"', '"}'),
    filled("0", '{"vceks":[{"endorsementCert":"', '"}]}'),
    filled("0,", '{"vceks":[', "0]}"),
    filled("[],", '{"tdx":[', "0]}"),
  ];
  for (const document of documents) {
    assert.throws(() => readBundle(document), refusal("bundle_malformed"), document.slice(0, 40));
  }
});

test("writeBundle() refuses a bundle that cannot be read", () => {
  const wrong: Bundle = { ...EMPTY, vceks: [{ ...FAKE_SEV_SNP, endorsementCert: new Uint8Array(1) }] };
  assert.throws(() => writeBundle(wrong), refusal("bundle_malformed"));
});
