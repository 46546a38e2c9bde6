import { plainPartLength } from "../format/sizes.ts";
import { toClientEtag } from "../http/etag.ts";
import { S3Error } from "../http/s3-error.ts";
import { applyEdits, childText, type Edit, type Element, elements, replaceElement } from "../http/xml.ts";
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

const NUMBERS = ["PartNumberMarker", "NextPartNumberMarker"];
const HIDDEN = ["ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256"];

/** A part at the store. */
export interface StorePart {
  readonly etag: string;
  readonly sizeBytes: number;
}

/** Lists the parts of an upload as the client knows them: numbers, sizes, ETags; the leader is left out. */
export async function listParts(call: ObjectCall, parts: Parts): Promise<Answer> {
  const marker = call.query.get("part-number-marker") ?? "0";
  const { text, root, headers } = await getPage(call, parts, passedQuery(call, ["max-parts", "encoding-type"]), marker);
  const edits = root.children.flatMap((child) => (child.type === "element" ? editChild(child as Element) : []));
  return xmlAnswer(applyEdits(text, edits), headers);
}

/** Lists all parts of an upload, by the store's numbers. */
export async function listStoreParts(call: ObjectCall, parts: Parts): Promise<ReadonlyMap<number, StorePart>> {
  const found = new Map<number, StorePart>();
  for (let marker = "0"; ; ) {
    const { root } = await getPage(call, parts, {}, marker);
    for (const part of elements(root, "Part")) {
      const number = Number(childText(part, "PartNumber"));
      found.set(number, { etag: childText(part, "ETag") ?? "", sizeBytes: Number(childText(part, "Size")) });
    }
    const next = Number(childText(root, "NextPartNumberMarker")) - 1;
    if (childText(root, "IsTruncated") !== "true") return found;
    if (!(next > Number(marker))) throw new S3Error(502, "BadGateway", "The store's list of parts does not go on");
    marker = `${next}`;
  }
}

async function getPage(call: ObjectCall, parts: Parts, extra: Record<string, string>, marker: string) {
  if (!/^[0-9]{1,5}$/.test(marker)) throw new S3Error(400, "InvalidArgument", "part-number-marker must be a number");
  const query = {
    ...extra,
    uploadId: call.query.get("uploadId") ?? "",
    // One more than the client's: from 1 on the leader is passed over.
    "part-number-marker": `${Number(marker) + 1}`,
  };
  const { bucket, key, signal } = call;
  const response = await sendToStore(parts, { method: "GET", bucket, key, query }, signal);
  return { ...parseXml(await readResponse(response)), headers: answerHeaders(response) };
}

function editChild(element: Element): Edit[] {
  if (NUMBERS.includes(element.name)) return [shifted(element)];
  if (element.name !== "Part") return [];
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
