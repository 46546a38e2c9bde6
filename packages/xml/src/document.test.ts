import assert from "node:assert/strict";
import { test } from "node:test";
import { childText, elements, errorText, parseXmlDocument } from "./document.ts";

const parse = (text: string) => parseXmlDocument(Buffer.from(text)).root;

test("parseXmlDocument() gives elements, their text and where they stand", () => {
  const { text: whole, root } = parseXmlDocument(
    Buffer.from('<?xml version="1.0"?>\n<a><b>x &amp; &#65;</b><b><![CDATA[<y>]]></b><c/></a>'),
  );
  assert.deepEqual(
    elements(root, "b").map(({ text }) => text),
    ["x & A", "<y>"],
  );
  assert.deepEqual([childText(root, "c"), childText(root, "b"), childText(root, "d")], ["", undefined, undefined]);
  const [, second] = elements(root, "b");
  assert.equal(whole.slice(second?.start, second?.end), "<b><![CDATA[<y>]]></b>");
});

test("parseXmlDocument() refuses what is not well-formed, other encodings, and entities of the document's own", () => {
  const bomb = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a>&y;</a>';
  const external = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>';
  for (const text of ["", "x", "<a>", "<a></b>", "<a/><b/>", bomb, external]) assert.throws(() => parse(text), text);
  assert.throws(() => parseXmlDocument(Buffer.from([0x3c, 0x61, 0x2f, 0x3e, 0xff])));
});

test("parseXmlDocument() refuses more tags or attributes than any document of a store has", () => {
  const parts = "<Part><PartNumber>1</PartNumber><ETag>x</ETag><Checksum>x==</Checksum></Part>".repeat(10_000);
  assert.equal(parse(`<a>${parts}</a>`).children.length, 10_000);
  for (const text of [
    `<a>${"<b/>".repeat(200_000)}</a>`,
    `<a ${Array.from({ length: 200_000 }, (_, i) => `b${i}=""`).join(" ")}/>`,
  ]) {
    assert.throws(() => parse(text), /more than 200000 tags/);
  }
});

test("errorText() reads an error's code and message, bounded, and nothing else", () => {
  const error = (content: string) => errorText(Buffer.from(`<Error>${content}</Error>`));
  assert.deepEqual(error("<Code>NoSuchKey</Code><Message>gone</Message>"), { code: "NoSuchKey", message: "gone" });
  assert.deepEqual(error("<Code>NoSuchKey</Code>"), { code: "NoSuchKey", message: "NoSuchKey" });
  assert.equal(error(`<Code>A</Code><Message>${"x".repeat(5_000)}</Message>`)?.message.length, 1_000);
  for (const content of ["", "<Code>a b</Code>", "<Code>A</Code><Code>B</Code>", `<Code>${"A".repeat(65)}</Code>`]) {
    assert.equal(error(content), undefined, content);
  }
  assert.equal(errorText(Buffer.from("<Other><Code>A</Code></Other>")), undefined);
  assert.equal(errorText(Buffer.from("no XML")), undefined);
});
