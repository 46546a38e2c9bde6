/** Closed set of reasons for which this package refuses. */
export type EventLogErrorCode =
  /** More bytes or events than the stated bounds. */
  | "too_large"
  /** The log ends inside an event, or an event states more bytes than there are. */
  | "truncated"
  /** The log does not start with a crypto-agile Spec ID event, or a field is out of range. */
  | "format"
  /** No digest algorithm that this package knows, or one in an event that the header does not list. */
  | "unknown_algorithm"
  /** A well-formed log without a single measurement. */
  | "empty"
  /** The log has no digests of the bank asked for. */
  | "no_bank"
  /** Bytes that are not a PE image for x86-64, or one with parts outside the file. */
  | "pe"
  /** A PE image that is not a unified kernel image as this package can predict it. */
  | "uki";

/** The one error class of this package. */
export class EventLogError extends Error {
  override readonly name = "EventLogError";
  readonly code: EventLogErrorCode;

  constructor(code: EventLogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
