import { type DocumentKind, readSignedAnswer } from "./json-fields.ts";
import { type IsvSvnLevel, readIsvSvnLevels } from "./tcb-level.ts";

/** A parsed enclave identity answer, version 2. Nothing in it is verified. */
export interface QeIdentity {
  /** The bytes that the signature covers. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /** "TD_QE" is the enclave that makes TD quotes. */
  readonly id: "QE" | "QVE" | "QAE" | "TD_QE";
  readonly version: 2;
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  readonly tcbEvaluationDataNumber: number;
  /** 4 bytes in the order of the report. */
  readonly miscselect: Uint8Array;
  readonly miscselectMask: Uint8Array;
  /** 16 bytes in the order of the report. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly mrsigner: Uint8Array;
  readonly isvprodid: number;
  /** Newest first. */
  readonly tcbLevels: readonly IsvSvnLevel[];
}

const KIND: DocumentKind = { name: "QE identity", code: "qe_identity_format" };
const MAX_PRODUCT_ID = 0xffff;

/**
 * Parses the body of a PCS answer with an enclave identity, version 2. Unknown members are passed over, as in
 * `parseTcbInfo`. Throws `TdxError` "qe_identity_format".
 */
export function parseQeIdentity(bytes: Uint8Array): QeIdentity {
  const { fields, signed, signature } = readSignedAnswer(bytes, KIND, "enclaveIdentity");
  const version = fields.exactly("version", 2);
  return {
    signed,
    signature,
    id: fields.oneOf("id", ["QE", "QVE", "QAE", "TD_QE"]),
    version,
    issueDate: fields.date("issueDate"),
    nextUpdate: fields.date("nextUpdate"),
    tcbEvaluationDataNumber: fields.count("tcbEvaluationDataNumber", Number.MAX_SAFE_INTEGER),
    miscselect: fields.hex("miscselect", 4),
    miscselectMask: fields.hex("miscselectMask", 4),
    attributes: fields.hex("attributes", 16),
    attributesMask: fields.hex("attributesMask", 16),
    mrsigner: fields.hex("mrsigner", 32),
    isvprodid: fields.count("isvprodid", MAX_PRODUCT_ID),
    tcbLevels: readIsvSvnLevels(fields),
  };
}
