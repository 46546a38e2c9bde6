import { FormatError } from "../format/error.ts";
import { S3Error } from "./s3-error.ts";
import { textElement, xmlDocument } from "./xml.ts";

/** What a client hears of an error. Only errors that are meant for clients are quoted. */
export function asS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  if (error instanceof FormatError) {
    const message = "The stored object was refused: it is not what was stored under this name";
    return new S3Error(422, "ObjectNotAuthentic", message);
  }
  return new S3Error(500, "InternalError", "We encountered an internal error. Please try again.");
}

/** The document that says it. */
export function errorXml({ code, message }: Pick<S3Error, "code" | "message">, requestId?: string): string {
  const id = requestId === undefined ? "" : textElement("RequestId", requestId);
  return xmlDocument("Error", textElement("Code", code) + textElement("Message", message) + id);
}
