import { childText, type Element, elements } from "@constellation/xml";
import { plainPartLength } from "../format/sizes.ts";
import { toClientEtag } from "../http/etag.ts";
import { S3Error } from "../http/s3-error.ts";
import { applyEdits, type Edit, replaceElement, textElement } from "../http/xml.ts";
import {
  type Answer,
  answerHeaders,
  type ObjectCall,
  type Parts,
  passedQuery,
  readResponse,
  sendToStore,
  xmlAnswer,
} from "./call.ts";
import { parseXml } from "./result.ts";

/** What a page holds at most, and by default. */
const MAX_PAGE = 1_000;
const NUMBERS = ["PartNumberMarker", "NextPartNumberMarker"];
const HIDDEN = ["ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256"];

/** A part at the store. */
export interface StorePart {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Lists the parts of an upload as the client knows them: numbers, sizes, ETags; the leader is left out. */
export async function listParts(call: ObjectCall, parts: Parts): Promise<Answer> {
  const marker = numberOf(call.query.get("part-number-marker") ?? "0");
  const max = numberOf(call.query.get("max-parts") ?? `${MAX_PAGE}`);
  const query = { ...passedQuery(call, ["encoding-type"]), ...pageAfter(marker, max) };
  const { text, root, headers } = await getPage(call, parts, query);
  const page = pageOf(root, max);
  const edits = root.children.flatMap((child) => (child.type === "element" ? editChild(child as Element, page) : []));
  return xmlAnswer(applyEdits(text, edits), headers);
}

/** Lists all parts of an upload, by the store's numbers. */
export async function listStoreParts(call: ObjectCall, parts: Parts): Promise<ReadonlyMap<number, StorePart>> {
  const found = new Map<number, StorePart>();
  for (let marker = 0; ; ) {
    const { root } = await getPage(call, parts, { "part-number-marker": `${marker}` });
    for (const part of elements(root, "Part")) {
      const number = Number(childText(part, "PartNumber"));
      found.set(number, { etag: childText(part, "ETag") ?? "", sizeBytes: Number(childText(part, "Size")) });
    }
    const next = Number(childText(root, "NextPartNumberMarker"));
    if (childText(root, "IsTruncated") !== "true") return found;
    if (!(next > marker)) throw new S3Error(502, "BadGateway", "The store's list of parts does not go on");
    marker = next;
  }
}

/**
 * The store's page for a page of the client. Stores want a part as marker that is there: the first page begins with the
 * leader, if that is there already, and so is one longer.
 */
function pageAfter(marker: number, max: number): Record<string, string> {
  if (marker === 0) return { "max-parts": `${Math.min(max + 1, MAX_PAGE)}` };
  return { "max-parts": `${max}`, "part-number-marker": `${marker + 1}` };
}

/** What of a store's page the client asked for. */
interface Page {
  readonly max: number;
  /** The store's number of the last part that belongs to it; undefined if all do. */
  readonly last: number | undefined;
  /** Stores may leave it out on their last page. */
  readonly hasNext: boolean;
}

/** Where the leader is not there yet, a first page has a part too many. */
function pageOf(root: Element, max: number): Page {
  const numbers = elements(root, "Part").map((part) => Number(childText(part, "PartNumber")));
  const own = numbers.filter((number) => number !== 1);
  const last = own.length > max ? own[max - 1] : undefined;
  return { max, last, hasNext: elements(root, "NextPartNumberMarker").length > 0 };
}

function numberOf(text: string): number {
  if (/^[0-9]{1,5}$/.test(text)) return Number(text);
  throw new S3Error(400, "InvalidArgument", "max-parts and part-number-marker must be numbers");
}

async function getPage(call: ObjectCall, parts: Parts, page: Record<string, string>) {
  const query = { ...page, uploadId: call.query.get("uploadId") ?? "" };
  const { bucket, key, signal } = call;
  const response = await sendToStore(parts, { method: "GET", bucket, key, query }, signal);
  return { ...parseXml(await readResponse(response)), headers: answerHeaders(response) };
}

function editChild(element: Element, { max, last, hasNext }: Page): Edit[] {
  if (last !== undefined && element.name === "NextPartNumberMarker") return [replaceElement(element, `${last - 1}`)];
  if (last !== undefined && element.name === "IsTruncated") {
    const edit = replaceElement(element, "true");
    return [hasNext ? edit : { ...edit, text: textElement("NextPartNumberMarker", `${last - 1}`) + edit.text }];
  }
  if (NUMBERS.includes(element.name)) return [shifted(element)];
  if (element.name === "MaxParts") return [replaceElement(element, `${max}`)];
  if (element.name !== "Part") return [];
  const number = Number(childText(element, "PartNumber"));
  if (number === 1 || (last !== undefined && number > last))
    return [{ start: element.start, end: element.end, text: "" }];
  return element.children.flatMap((child) => (child.type === "element" ? editPartField(child as Element) : []));
}

function editPartField(field: Element): Edit[] {
  if (field.name === "PartNumber") return [shifted(field)];
  if (field.name === "ETag") return [replaceElement(field, toClientEtag(field.text))];
  if (field.name === "Size") return [replaceElement(field, `${plainPartLength(Number(field.text)) ?? field.text}`)];
  return HIDDEN.includes(field.name) ? [{ start: field.start, end: field.end, text: "" }] : [];
}

function shifted(element: Element): Edit {
  return replaceElement(element, `${Math.max(Number(element.text) - 1, 0)}`);
}
