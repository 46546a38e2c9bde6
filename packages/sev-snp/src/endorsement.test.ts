import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { bool, count, ia5String, octets, seq, text } from "@constellation/der/testing/der-writer";
import { parseCertificate } from "@constellation/x509";
import { readEndorsement } from "./endorsement.ts";
import { extension } from "./testing/amd-certificate.ts";
import { type EndorsementRequest, FakeAmd, wrappedHwId } from "./testing/fake-amd.ts";

const AMD = "1.3.6.1.4.1.3704.1";
const milan = new FakeAmd("Milan");
const turin = new FakeAmd("Turin");
const tcb = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 200);
const hwId = new Uint8Array(64).fill(7);

const vcek = (request: EndorsementRequest) => readEndorsement(parseCertificate(milan.issueVcek(request).certificate));
const vlek = (request: EndorsementRequest) => readEndorsement(parseCertificate(milan.issueVlek(request).certificate));
const turinVcek = (request: EndorsementRequest) =>
  readEndorsement(parseCertificate(turin.issueVcek(request).certificate));

test("readEndorsement() reads a VCEK", () => {
  const { certificate, key, ...others } = vcek({ tcb, hwId, productName: "Milan-B0" });
  assert.deepEqual(others, { kind: "VCEK", productName: "Milan-B0", product: "Milan", tcb, hwId });
  assert.equal(certificate.serialNumber, "00");
  assert.equal(key.kind === "ec" && key.curve, "P-384");
});

test("readEndorsement() reads a VLEK", () => {
  const { certificate, key, ...others } = vlek({ tcb, cspId: "CN=cc-us-east-2.amazonaws.com" });
  const cspId = "CN=cc-us-east-2.amazonaws.com";
  assert.deepEqual(others, { kind: "VLEK", productName: "Milan", product: "Milan", tcb, cspId });
  assert.ok(certificate.subject.text.endsWith("CN=SEV-VLEK"));
  assert.equal(key.kind, "ec");
});

test("readEndorsement() reads the layout of Turin with its HWID of 8 bytes", () => {
  const chip = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const endorsement = turinVcek({ tcb, hwId: chip });
  assert.deepEqual(endorsement.tcb, tcb);
  assert.deepEqual(endorsement.hwId, chip);
});

test("readEndorsement() reads a HWID that is wrapped in an OCTET STRING", () => {
  assert.deepEqual(vcek({ extensions: wrappedHwId(hwId) }).hwId, hwId);
  assert.deepEqual(turinVcek({ extensions: wrappedHwId(hwId.subarray(0, 8)) }).hwId, hwId.subarray(0, 8));
});

test("readEndorsement() takes the reserved SVNs for zero where they are left out", () => {
  const left = Object.fromEntries(["3.4", "3.5", "3.6", "3.7"].map((id) => [`${AMD}.${id}`, undefined]));
  assert.deepEqual(vcek({ tcb, extensions: left }).tcb, Uint8Array.of(1, 2, 0, 0, 0, 0, 7, 200));
  assert.deepEqual(turinVcek({ tcb, extensions: left }).tcb, Uint8Array.of(1, 2, 3, 4, 0, 0, 0, 200));
});

test("readEndorsement() refuses a certificate without one of AMD's extensions", () => {
  const missing = {
    "1": "structVersion",
    "2": "productName",
    "3.1": "blSPL",
    "3.2": "teeSPL",
    "3.3": "snpSPL",
    "3.8": "ucodeSPL",
  };
  for (const [id, name] of Object.entries({ ...missing, "4": "hwID" })) {
    refuses(() => vcek({ extensions: { [`${AMD}.${id}`]: undefined } }), new RegExp(`no extension ${name}`));
  }
  for (const [id, name] of Object.entries({ ...missing, "5": "cspID" })) {
    refuses(() => vlek({ extensions: { [`${AMD}.${id}`]: undefined } }), new RegExp(`no extension ${name}`));
  }
  refuses(() => turinVcek({ extensions: { [`${AMD}.3.9`]: undefined } }), /no extension fmcSPL/);
});

test("readEndorsement() refuses a VCEK with CSP_ID and a VLEK with HWID", () => {
  refuses(() => vcek({ extensions: { [`${AMD}.5`]: ia5String("csp") } }), /none in a VCEK/);
  refuses(() => vlek({ extensions: { [`${AMD}.4`]: hwId } }), /none in a VLEK/);
});

test("readEndorsement() refuses a HWID of another length than the product line's", () => {
  for (const length of [0, 7, 8, 9, 63, 65]) {
    refuses(() => vcek({ extensions: wrappedHwId(new Uint8Array(length)) }), new RegExp(`hwID of ${length} bytes`));
  }
  refuses(() => vcek({ hwId: new Uint8Array(8) }), /Read endorsement certificate failed/);
  refuses(() => turinVcek({ extensions: wrappedHwId(hwId) }), /hwID of 64 bytes, wanted 8/);
});

test("readEndorsement() refuses extensions of another type or range", () => {
  const wrong: [string, Uint8Array][] = [
    [`${AMD}.1`, count(2)],
    [`${AMD}.2`, text("Milan")],
    [`${AMD}.3.1`, count(256)],
    [`${AMD}.3.1`, octets(Uint8Array.of(1))],
    [`${AMD}.3.4`, Uint8Array.of(0x02, 0x01, 0xff)],
    [`${AMD}.3.8`, Uint8Array.of(0x02, 0x01, 0x01, 0x00)],
  ];
  for (const [id, value] of wrong) refuses(() => vcek({ extensions: { [id]: value } }), /Read endorsement/);
});

test("readEndorsement() refuses a product line that it does not know", () => {
  refuses(() => vcek({ productName: "Venice" }), /productName "Venice"/);
  refuses(() => vcek({ productName: "Milan\u001b[2J" }), /productName "Milan\\u001b\[2J"/);
});

test("readEndorsement() refuses a subject that is neither VCEK nor VLEK", () => {
  refuses(() => vcek({ commonName: "SEV-Milan" }), /wanted common name SEV-VCEK or SEV-VLEK/);
});

test("readEndorsement() refuses a CA certificate", () => {
  const ca = extension("2.5.29.19", seq(bool(true)), true);
  refuses(() => vcek({ moreExtensions: [ca] }), /got a CA certificate, wanted a VCEK/);
});

test("readEndorsement() refuses a key that is not on P-384", () => {
  const { publicKey: p256 } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { publicKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { publicKey: ed25519 } = generateKeyPairSync("ed25519");
  refuses(() => vcek({ publicKey: p256 }), /got a key on P-256/);
  refuses(() => vcek({ publicKey: rsa }), /got an RSA key/);
  refuses(() => vcek({ publicKey: ed25519 }), /Read public key failed/);
});

test("readEndorsement() lets errors of another kind through", () => {
  const { certificate } = vcek({});
  const broken = { ...certificate, extensions: undefined as never };
  assert.throws(() => readEndorsement(broken), TypeError);
});

function refuses(read: () => unknown, message: RegExp): void {
  assert.throws(read, { name: "SevSnpError", code: "endorsement_profile", message });
}
