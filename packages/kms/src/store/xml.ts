import { childText, type Element, elements, errorText, parseXmlDocument } from "@constellation/xml";
import { answerError, type HttpAnswer } from "../http/call.ts";
import type { Operation } from "../http/retry.ts";

/** A page of a list. */
export interface ListPage {
  readonly names: readonly string[];
  /** Where the next page begins; undefined at the last. */
  readonly next: string | undefined;
}

/** Where a kind of list has its entries: names of elements, each a child of the one before, and of the next page's mark. */
export interface ListShape {
  readonly root: string;
  readonly entries: readonly string[];
  readonly name: string;
  readonly next: string;
}

/** `ListObjectsV2` of S3. */
export const S3_LIST: ListShape = {
  root: "ListBucketResult",
  entries: ["Contents"],
  name: "Key",
  next: "NextContinuationToken",
};

/** `List Blobs` of Azure. */
export const AZURE_LIST: ListShape = {
  root: "EnumerationResults",
  entries: ["Blobs", "Blob"],
  name: "Name",
  next: "NextMarker",
};

/** Reads a page of a list in XML. @throws KmsError `store_answer` */
export function listPage(operation: Operation, body: Uint8Array, shape: ListShape): ListPage {
  const root = rootOf(body);
  if (root?.name !== shape.root) throw answerError(operation, "no list", "one");
  const entries = shape.entries.reduce<Element[]>((found, name) => found.flatMap((at) => elements(at, name)), [root]);
  const names = entries.map((entry) => childText(entry, shape.name));
  if (names.includes(undefined)) throw answerError(operation, "an entry without a name", "one with a name");
  const next = childText(root, shape.next);
  return { names: names as string[], next: next === "" ? undefined : next };
}

/** The code of an error in XML; empty where there is none. */
export function errorCodeOf(answer: HttpAnswer): string {
  return errorText(answer.body)?.code ?? "";
}

function rootOf(body: Uint8Array): Element | undefined {
  try {
    return parseXmlDocument(body).root;
  } catch {
    return undefined;
  }
}
