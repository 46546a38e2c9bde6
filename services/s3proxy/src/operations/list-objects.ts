import { childText, type Element } from "@constellation/xml";
import { multipartPlainLength, plainLength } from "../format/sizes.ts";
import { toClientEtag } from "../http/etag.ts";
import { applyEdits, type Edit, replaceElement } from "../http/xml.ts";
import { plainHeaders } from "../http/headers.ts";
import {
  type Answer,
  answerHeaders,
  type Call,
  type Parts,
  passedQuery,
  readResponse,
  sendToStore,
  xmlAnswer,
} from "./call.ts";
import { parseXml } from "./result.ts";

/** Query parameters of listings. */
export const LIST_PARAMETERS = [
  "continuation-token",
  "delimiter",
  "encoding-type",
  "fetch-owner",
  "key-marker",
  "list-type",
  "marker",
  "max-keys",
  "prefix",
  "start-after",
  "version-id-marker",
  "versions",
];

const ENTRIES = ["Contents", "Version"];
const HIDDEN = ["ChecksumAlgorithm", "ChecksumType"];
const MULTIPART_ETAG = /-[0-9]+"?$/;

/** Lists objects or versions with the sizes of their plaintext, which follow from length and ETag. */
export async function listObjects(call: Call, parts: Parts): Promise<Answer> {
  const { bucket, headers, signal } = call;
  const query = passedQuery(call, LIST_PARAMETERS);
  const response = await sendToStore(parts, { method: "GET", bucket, query, headers: plainHeaders(headers) }, signal);
  const { text, root } = parseXml(await readResponse(response));
  const edits = root.children.flatMap((child) =>
    child.type === "element" && ENTRIES.includes((child as Element).name) ? editEntry(child as Element) : [],
  );
  return xmlAnswer(applyEdits(text, edits), answerHeaders(response));
}

/** The plaintext's size of an object of which only a listing's line is known. */
function listedSize(sealedBytes: number, storeEtag: string): number {
  const plain = MULTIPART_ETAG.test(storeEtag) ? multipartPlainLength(sealedBytes) : plainLength(sealedBytes);
  return plain ?? sealedBytes;
}

function editEntry(entry: Element): Edit[] {
  const etag = childText(entry, "ETag") ?? "";
  return entry.children.flatMap((child) => (child.type === "element" ? editField(child as Element, etag) : []));
}

function editField(field: Element, etag: string): Edit[] {
  if (field.name === "Size") return [replaceElement(field, `${listedSize(Number(field.text), etag)}`)];
  if (field.name === "ETag") return [replaceElement(field, toClientEtag(field.text))];
  return HIDDEN.includes(field.name) ? [{ start: field.start, end: field.end, text: "" }] : [];
}
