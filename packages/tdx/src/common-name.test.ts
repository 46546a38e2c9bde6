import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { int, oid, seq, tlv } from "@constellation/der/testing/der-writer";
import { issueCertificate } from "./testing/index.ts";
import { commonNameOf } from "./common-name.ts";

const { certificate } = await issueCertificate({ commonName: "One" });
const attribute = (type: string, text: string) => seq(oid(type), tlv(0x0c, utf8(text)));
const set = (...members: readonly Uint8Array[]) => tlv(0x31, ...members);
const named = (...names: readonly Uint8Array[]) =>
  commonNameOf({ ...certificate, subject: { der: seq(...names), text: "CN=One" } });

test("commonNameOf() gives the one common name", () => {
  assert.equal(commonNameOf(certificate), "One");
  assert.equal(named(set(attribute("2.5.4.10", "O"), attribute("2.5.4.3", "Two"))), "Two");
});

test("commonNameOf() gives nothing where there is not exactly one text", () => {
  assert.equal(named(), undefined);
  assert.equal(named(set(attribute("2.5.4.10", "One"))), undefined);
  assert.equal(named(set(attribute("2.5.4.3", "One")), set(attribute("2.5.4.3", "One"))), undefined);
  assert.equal(named(set(seq(oid("2.5.4.3"), int(1)))), undefined);
});
