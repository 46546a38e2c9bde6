import { type Element, parseXmlDocument } from "@constellation/xml";
import { s3Errors } from "./s3-error.ts";

/** A piece of a text to be replaced. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What a document begins with. */
export const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

/** Parses what a client sent. @throws S3Error `MalformedXML` */
export function parseClientXml(bytes: Uint8Array, rootName: string): Element {
  try {
    const { root } = parseXmlDocument(bytes);
    if (root.name === rootName) return root;
  } catch {
    // Said below: the parser's message quotes the document.
  }
  throw s3Errors.malformedXml("The XML you provided was not well-formed or did not validate");
}

/** An element with text. */
export function textElement(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

/** A whole answer. */
export function xmlDocument(rootName: string, content: string): string {
  const namespace = rootName === "Error" ? "" : ` xmlns="${NAMESPACE}"`;
  return `${XML_HEAD}<${rootName}${namespace}>${content}</${rootName}>`;
}

/** The edit that gives an element another text. */
export function replaceElement(element: Element, text: string): Edit {
  return { start: element.start, end: element.end, text: textElement(element.name, text) };
}

/** A text with edits made, which must not overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const sorted = [...edits].sort((a, b) => a.start - b.start);
  let at = 0;
  let out = "";
  for (const edit of sorted) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"'\p{Cc}\ufffe\uffff]/gu, (character) => {
    const code = character.charCodeAt(0);
    // What XML 1.0 can't hold at all.
    if ((code < 0x20 && !["\t", "\n", "\r"].includes(character)) || code >= 0xfffe) return "\ufffd";
    return `&#${code};`;
  });
}
