import assert from "node:assert/strict";
import { test } from "node:test";
import { ia5String, oid, printableString, seq, set, text } from "@constellation/der/testing/der-writer";
import { commonNameOf } from "./common-name.ts";

const cn = (value: Uint8Array) => seq(oid("2.5.4.3"), value);
const nameOf = (...relativeNames: readonly Uint8Array[]) => commonNameOf({ der: seq(...relativeNames), text: "" });

test("commonNameOf() reads the one common name wherever it stands", () => {
  const ou = seq(oid("2.5.4.11"), text("Engineering"));
  assert.equal(nameOf(set(ou), set(cn(text("ARK-Milan")))), "ARK-Milan");
  assert.equal(nameOf(set(ou, cn(printableString("SEV-VCEK")))), "SEV-VCEK");
});

test("commonNameOf() gives nothing where there is none, more than one, or one of another type", () => {
  assert.equal(nameOf(), undefined);
  assert.equal(nameOf(set(cn(text("a"))), set(cn(text("a")))), undefined);
  assert.equal(nameOf(set(cn(ia5String("a")))), undefined);
});
