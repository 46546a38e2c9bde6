import assert from "node:assert/strict";
import { test } from "node:test";
import { KmsError } from "../error.ts";
import { idsAmong } from "./wrapped-key-store.ts";
import { errorCodeOf, listPage } from "./xml.ts";

const OPERATION = { side: "store", name: "Test" } as const;
const ELEMENTS = { name: "Key", next: "NextContinuationToken" };

test("listPage() reads names and where the next page begins", () => {
  const xml =
    '<?xml version="1.0"?>\n<ListBucketResult xmlns="x"><Key>a/&amp;b</Key><Contents><Key>c</Key></Contents>' +
    "<NextContinuationToken>t&lt;1</NextContinuationToken></ListBucketResult>";
  assert.deepEqual(listPage(OPERATION, xml, ELEMENTS), { names: ["a/&b", "c"], next: "t<1" });
  const last = "<EnumerationResults><Blobs/><NextMarker></NextMarker></EnumerationResults>";
  assert.deepEqual(listPage(OPERATION, last, { name: "Name", next: "NextMarker" }), { names: [], next: undefined });
});

test("listPage() refuses what is no list", () => {
  for (const xml of ["", "<html></html>", '{"items":[]}']) {
    const page = () => listPage(OPERATION, xml, ELEMENTS);
    assert.throws(page, (error) => error instanceof KmsError && error.code === "store_answer", xml);
  }
});

test("errorCodeOf() gives the code, or nothing", () => {
  const answer = (text: string) => ({ status: 404, headers: new Headers(), body: Buffer.from(text) });
  assert.equal(errorCodeOf(answer("<Error><Code>NoSuchKey</Code></Error>")), "NoSuchKey");
  assert.equal(errorCodeOf(answer("")), "");
  assert.equal(errorCodeOf(answer("\xff")), "");
});

test("idsAmong() leaves out what is not under the prefix, and what is no ID", () => {
  const names = ["p/b", "p/a", "q/a", "p/a b", "p/../a", "p/x/y", "p/"];
  assert.deepEqual(idsAmong(names, "p/", ""), ["a", "b", "x/y"]);
  assert.deepEqual(idsAmong(names, "p/", "x/"), ["x/y"]);
});
