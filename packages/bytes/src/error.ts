/** Why bytes could not be read or text could not be decoded. */
export type BytesErrorCode = "truncated" | "trailing" | "length" | "encoding";

/** The one error of this package: input that is shorter, longer or otherwise shaped than the reader was told. */
export class BytesError extends Error {
  readonly code: BytesErrorCode;

  constructor(code: BytesErrorCode, message: string) {
    super(message);
    this.name = "BytesError";
    this.code = code;
  }
}
