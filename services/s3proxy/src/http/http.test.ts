import assert from "node:assert/strict";
import { test } from "node:test";
import { elements, parseXmlDocument } from "@constellation/xml";
import { parsePartEtag, partEtag, toClientEtag, toStoreEtag } from "./etag.ts";
import { objectHeaders, validateHeaders } from "./headers.ts";
import { parseTarget } from "./target.ts";
import { applyEdits, parseClientXml, replaceElement, textElement } from "./xml.ts";

const MD5 = "0123456789abcdef0123456789abcdef";

test("parseTarget() finds bucket and key in path or host", () => {
  const at = (url: string, host = "proxy", domain?: string) => {
    const { bucket, key } = parseTarget(url, host, domain);
    return [bucket, key];
  };
  assert.deepEqual(at("/"), [undefined, undefined]);
  assert.deepEqual(at("/bucket"), ["bucket", undefined]);
  assert.deepEqual(at("/bucket/"), ["bucket", undefined]);
  assert.deepEqual(at("/bucket/a/b%20c+%C3%A4?x=1"), ["bucket", "a/b c+ä"]);
  assert.deepEqual(at("/bucket//a//"), ["bucket", "/a//"]);
  assert.deepEqual(at("/a/b", "bucket.s3.example:4433", "s3.example"), ["bucket", "a/b"]);
  assert.deepEqual(at("/", "bucket.s3.example", "s3.example"), ["bucket", undefined]);
  assert.deepEqual(at("/bucket/a", "s3.example", "s3.example"), ["bucket", "a"]);
});

test("parseTarget() refuses what proxy and store could read differently", () => {
  const wrong = [
    ["/bucket/a/../b", "InvalidArgument"],
    ["/bucket/%2e%2e/b", "InvalidArgument"],
    ["/bucket/.", "InvalidArgument"],
    ["/../a", "InvalidBucketName"],
    ["/b!/a", "InvalidBucketName"],
    ["/bucket/%00", "InvalidArgument"],
    ["/bucket/%E4", "InvalidURI"],
    [`/bucket/${"a".repeat(1_025)}`, "KeyTooLongError"],
    ["/bucket/a?versionId=1&versionId=2", "InvalidArgument"],
    ["/bucket/a?versionId=1&VersionId=2", "InvalidArgument"],
    ["http://other/bucket", "InvalidRequest"],
  ];
  for (const [url = "", code] of wrong) assert.throws(() => parseTarget(url, "proxy", undefined), { code }, url);
});

test("toClientEtag() makes ETags that nobody takes for an MD5, and toStoreEtag() undoes it", () => {
  for (const quote of ["", '"']) {
    assert.equal(toClientEtag(`${quote}${MD5}${quote}`), `${quote}${MD5}-0${quote}`);
    for (const etag of [MD5, `${MD5}-3`, "other"]) {
      const text = `${quote}${etag}${quote}`;
      assert.equal(toStoreEtag(toClientEtag(text)), text);
    }
  }
  assert.equal(toStoreEtag("*"), "*");
});

test("parsePartEtag() reads what partEtag() made, and nothing else", () => {
  const token = {
    storeEtag: `"${MD5}"`,
    plainBytes: 5_000_000_000,
    identity: { kekGeneration: 3, salt: Buffer.alloc(16, 9) },
  };
  const etag = partEtag(token);
  assert.deepEqual(parsePartEtag(etag), token);
  assert.deepEqual(parsePartEtag(etag.replaceAll('"', "")), token);
  for (const other of [MD5, `"${MD5}-0"`, `"${MD5}-12"`, "", etag.replace("-", "_"), `"x-${"A".repeat(36)}"`]) {
    assert.equal(parsePartEtag(other), undefined, other);
  }
});

test("objectHeaders() passes what belongs to the object and keeps back what is about the way here", () => {
  const passed = objectHeaders({
    authorization: "secret",
    "content-encoding": "gzip,aws-chunked",
    "content-md5": "x",
    "content-type": "text/plain",
    "x-amz-acl": "private",
    "x-amz-checksum-crc32": "x",
    "x-amz-checksum-algorithm": "CRC32",
    "x-amz-content-sha256": "x",
    "x-amz-copy-source": "x",
    "x-amz-date": "x",
    "x-amz-decoded-content-length": "1",
    "x-amz-meta-a": "b",
    "x-amz-sdk-checksum-algorithm": "CRC32",
    "x-amz-security-token": "secret",
    "x-amz-trailer": "x",
    cookie: "secret",
  });
  assert.deepEqual(passed, {
    "content-encoding": "gzip",
    "content-type": "text/plain",
    "x-amz-acl": "private",
    "x-amz-meta-a": "b",
  });
  assert.deepEqual(objectHeaders({ "content-encoding": "aws-chunked" }), {});
  assert.throws(() => objectHeaders({ "x-amz-meta-a": "b".repeat(1_800) }), { code: "MetadataTooLarge" });
});

test("validateHeaders() refuses keys for the store, appending, and our own metadata", () => {
  for (const name of [
    "x-amz-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-algorithm",
    "x-amz-write-offset-bytes",
  ]) {
    assert.throws(() => validateHeaders({ [name]: "x" }), { code: "NotImplemented" });
  }
  assert.throws(() => validateHeaders({ "x-amz-meta-constellation-s3proxy": "x" }), { code: "InvalidArgument" });
  validateHeaders({ "x-amz-server-side-encryption": "AES256" });
});

test("applyEdits() changes elements and nothing around them", () => {
  const text = '<?xml version="1.0"?>\n<L xmlns="n"><C><K>ä&amp;</K><S>1</S></C><!-- c --><C><S>22</S></C></L>';
  const { root } = parseXmlDocument(Buffer.from(text));
  const sizes = elements(root, "C").flatMap((entry) => elements(entry, "S"));
  const edited = applyEdits(
    text,
    sizes.map((size) => replaceElement(size, `${size.text}0`)),
  );
  assert.equal(edited, text.replace("<S>1<", "<S>10<").replace("<S>22<", "<S>220<"));
});

test("parseClientXml() refuses other documents, entities of their own, and what is no XML", () => {
  assert.equal(parseClientXml(Buffer.from("<A><B>1</B></A>"), "A").name, "A");
  const bomb = '<!DOCTYPE A [<!ENTITY e "x">]><A>&e;</A>';
  for (const text of ["<B/>", "<A>", "", "x", bomb, "<A>&nbsp;</A>"]) {
    assert.throws(() => parseClientXml(Buffer.from(text), "A"), { code: "MalformedXML" }, text);
  }
  assert.throws(() => parseClientXml(Buffer.from([0x3c, 0x41, 0xff, 0x2f, 0x3e]), "A"), { code: "MalformedXML" });
});

test("textElement() escapes whatever could end or forge an element", () => {
  assert.equal(textElement("K", "<a>&'\"\n\u0001\u0085"), "<K>&#60;a&#62;&#38;&#39;&#34;&#10;\ufffd&#133;</K>");
});
