/** Why the specification leaves bytes unprotected. */
export const REASONS = {
  notEvidence: "says what is asked, as a policy does, or is the input of a prediction: no evidence",
  reference: "says which reference value is asked for, in a case where values are no evidence; another may hold too",
  notRead: "the same evidence in the wrapping that it came in, or another party's statement: not read",
  sha1: "SHA-1 decides nothing: quotes, values and digests of that bank are left aside",
  otherBank: "digests or values of a bank that nothing is compared with",
  otherRegister: "a register that nothing is compared with",
  unusedCertificate: "a certificate that is no link of the chain (RFC 5280 section 6.1), or a copy of the pinned root",
  unusedRoot: "a root that is not at the end of the chain",
  outsidePem: "text outside of PEM blocks (RFC 7468 section 2: explanatory text is left aside)",
  hclHeader: "request type and status in the header of the paravisor's report: no hash or signature covers them",
  tdReport: "a TDREPORT: its MAC can be checked on its own CPU only; the TD quote says the same, signed",
  hclAlone: "a hardware report that is judged by its report data alone, without certificates to verify it by",
  akTemplate: "what the AK certificate does not vouch for: it holds the key, not the rest of its public area",
  specId: "Spec ID event: no register is extended with it (PC Client Platform Firmware Profile, 10.4.5.1)",
  noAction: "EV_NO_ACTION event: no register is extended with it (PC Client Platform Firmware Profile, 10.4.1)",
  eventType: "event type: registers are extended with the digest alone (TPM 2.0 Library, Part 1, 17.2)",
  eventData: "event data: its digest need not be over it (PC Client Platform Firmware Profile, 10.4.1)",
  erasedTail: "length of the last event's data, which may go on into the erased bytes behind it",
} as const;

/** One of `REASONS`. */
export type Reason = keyof typeof REASONS;

/** Bytes that may change without the evidence being refused. */
export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly reason: Reason;
}

/** All the bytes. */
export function whole(bytes: Uint8Array, reason: Reason): Range[] {
  return [{ start: 0, end: bytes.length, reason }];
}

/** Where a view stands in the bytes that it is of. */
export function rangeOf(bytes: Uint8Array, view: Uint8Array, reason: Reason): Range {
  const start = view.byteOffset - bytes.byteOffset;
  return { start, end: start + view.length, reason };
}

/** The reason by position, for those positions that have one. */
export function reasonsByPosition(ranges: readonly Range[]): Map<number, Reason> {
  const reasons = new Map<number, Reason>();
  for (const { start, end, reason } of ranges) {
    for (let position = start; position < end; position += 1) reasons.set(position, reason);
  }
  return reasons;
}
