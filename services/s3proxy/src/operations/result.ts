import { type Element, errorText, parseXmlDocument } from "@constellation/xml";
import { S3Error } from "../http/s3-error.ts";
import type { StoreResponse } from "../store/store.ts";
import { Pace } from "../stream/pace.ts";
import { MAX_XML_BYTES, readResponse } from "./call.ts";

/** S3 takes "several minutes" to put a large upload together; its spaces meanwhile show that it is alive. */
const LONG_ANSWER_MS = 30 * 60_000;

/**
 * Reads an answer that takes the store long: it may begin with status 200 and some spaces, and still hold an error.
 * @throws S3Error
 */
export async function parseResult(response: StoreResponse, rootName: string): Promise<Element> {
  const bytes = await readResponse(response, MAX_XML_BYTES, new Pace(LONG_ANSWER_MS));
  const error = errorText(bytes);
  if (error !== undefined) throw new S3Error(500, error.code, error.message);
  const { root } = parseXml(bytes);
  if (root.name === rootName) return root;
  throw new S3Error(502, "BadGateway", `The store answered with another document than ${rootName}`);
}

/** Parses an answer of the store. @throws S3Error */
export function parseXml(bytes: Uint8Array): ReturnType<typeof parseXmlDocument> {
  try {
    return parseXmlDocument(bytes);
  } catch (cause) {
    throw new S3Error(502, "BadGateway", "The store's answer is no XML", { cause });
  }
}
