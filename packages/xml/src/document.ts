import { parseXml, type XmlElement } from "@rgrove/parse-xml";

/** An element with its children and where it stands in the text. */
export type Element = XmlElement;

/** Twice what ten thousand parts of an upload need, with a checksum each. Elements take far more memory than their text. */
const MAX_TAGS = 200_000;

/**
 * Parses a document in UTF-8. The parser knows no external entities and expands none of the document's own.
 * @throws for what is no well-formed document, and for one of more than 200,000 tags and attributes
 */
export function parseXmlDocument(bytes: Uint8Array): { readonly text: string; readonly root: Element } {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  if (countOf(text, "<") + countOf(text, "=") > MAX_TAGS) {
    throw new Error(`Parse XML failed: got more than ${MAX_TAGS} tags and attributes`);
  }
  const { root } = parseXml(text, { includeOffsets: true });
  if (root === null) throw new Error("Parse XML failed: got no root element");
  return { text, root };
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}

/** The child elements of a name. */
export function elements(parent: Element, name: string): Element[] {
  return parent.children.filter(
    (child): child is Element => child.type === "element" && (child as Element).name === name,
  );
}

/** The text of the only child of a name; undefined without one, or with more than one. */
export function childText(parent: Element, name: string): string | undefined {
  const [child, second] = elements(parent, name);
  return second === undefined ? child?.text : undefined;
}

/** What object stores say in XML when they refuse. */
export interface XmlError {
  readonly code: string;
  readonly message: string;
}

/** Code and message of a document `Error` (S3, Azure Blob Storage); undefined for anything else. */
export function errorText(body: Uint8Array): XmlError | undefined {
  try {
    const { root } = parseXmlDocument(body);
    const code = childText(root, "Code");
    if (root.name !== "Error" || code === undefined || !/^[A-Za-z0-9.]{1,64}$/.test(code)) return undefined;
    return { code, message: (childText(root, "Message") ?? code).slice(0, 1_000) };
  } catch {
    return undefined;
  }
}
