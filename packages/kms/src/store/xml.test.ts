import assert from "node:assert/strict";
import { test } from "node:test";
import { KmsError } from "../error.ts";
import { idsAmong } from "./wrapped-key-store.ts";
import { AZURE_LIST, errorCodeOf, listPage, S3_LIST } from "./xml.ts";

const OPERATION = { side: "store", name: "Test" } as const;
const bytes = (text: string): Buffer => Buffer.from(text, "utf8");

test("listPage() reads names and where the next page begins", () => {
  const xml =
    '<?xml version="1.0"?>\n<ListBucketResult xmlns="x"><Contents><Key>a/&amp;b</Key></Contents><Contents><Key>c</Key>' +
    "</Contents><NextContinuationToken>t&lt;1</NextContinuationToken></ListBucketResult>";
  assert.deepEqual(listPage(OPERATION, bytes(xml), S3_LIST), { names: ["a/&b", "c"], next: "t<1" });
  const last = "<EnumerationResults><Blobs/><NextMarker></NextMarker></EnumerationResults>";
  assert.deepEqual(listPage(OPERATION, bytes(last), AZURE_LIST), { names: [], next: undefined });
  const blobs = "<EnumerationResults><Blobs><Blob><Name>a</Name></Blob></Blobs></EnumerationResults>";
  assert.deepEqual(listPage(OPERATION, bytes(blobs), AZURE_LIST), { names: ["a"], next: undefined });
});

test("listPage() refuses what is no list", () => {
  const nameless = "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>";
  const cut = "<ListBucketResult><Contents><Key>a</Key></Contents>";
  for (const xml of ["", "<html></html>", '{"items":[]}', nameless, cut]) {
    const page = () => listPage(OPERATION, bytes(xml), S3_LIST);
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
