import { KmsError, type KmsErrorCode, quoted } from "../error.ts";
import { OPERATION, type OperationName, TAG } from "./tags.ts";
import { formatTtlv, parseTtlv, type Ttlv, TTLV_LIMITS } from "./ttlv.ts";

/** Versions of the protocol that are spoken. */
export const KMIP_VERSIONS = ["1.4", "2.0", "2.1"] as const;
export type KmipVersion = (typeof KMIP_VERSIONS)[number];

/** Items by short names. */
export const structure = (tag: number, ...items: readonly Ttlv[]): Ttlv => ({ tag, type: "structure", items });
export const enumeration = (tag: number, value: number): Ttlv => ({ tag, type: "enumeration", value });
export const integer = (tag: number, value: number): Ttlv => ({ tag, type: "integer", value });
export const text = (tag: number, value: string): Ttlv => ({ tag, type: "text", value });
export const bytes = (tag: number, value: Uint8Array): Ttlv => ({ tag, type: "bytes", value });

/** A request with one operation (section 7). */
export function formatRequest(version: KmipVersion, operation: OperationName, payload: readonly Ttlv[]): Uint8Array {
  const header = structure(
    TAG.requestHeader,
    versionItem(version),
    integer(TAG.maximumResponseSize, TTLV_LIMITS.bytes),
    integer(TAG.batchCount, 1),
  );
  const item = structure(
    TAG.batchItem,
    enumeration(TAG.operation, OPERATION[operation]),
    structure(TAG.requestPayload, ...payload),
  );
  return formatTtlv(structure(TAG.requestMessage, header, item));
}

function versionItem(version: KmipVersion): Ttlv {
  const [major, minor] = version.split(".").map(Number) as [number, number];
  return structure(
    TAG.protocolVersion,
    integer(TAG.protocolVersionMajor, major),
    integer(TAG.protocolVersionMinor, minor),
  );
}

/** The payload of the answer to one operation. @throws KmsError */
export function parseResponse(message: Uint8Array, version: KmipVersion, operation: OperationName): Fields {
  const response = new Fields(operation, itemsOf(operation, parseTtlv(message), TAG.responseMessage));
  const header = response.structure(TAG.responseHeader);
  const got = header.structure(TAG.protocolVersion);
  const gotVersion = `${got.integer(TAG.protocolVersionMajor)}.${got.integer(TAG.protocolVersionMinor)}`;
  if (header.integer(TAG.batchCount) !== 1) throw refuse(operation, "another count of results", "one");
  const item = response.structure(TAG.batchItem);
  const status = item.enumeration(TAG.resultStatus);
  if (status !== 0) throw resultError(operation, status, item);
  if (gotVersion !== version) throw refuse(operation, `protocol version "${gotVersion}"`, `"${version}"`);
  const answered = item.enumeration(TAG.operation);
  if (answered !== OPERATION[operation])
    throw refuse(operation, `operation "${answered}"`, `"${OPERATION[operation]}"`);
  return item.structure(TAG.responsePayload);
}

/** Reads items of a structure by their tags. */
export class Fields {
  readonly #operation: OperationName;
  readonly #items: readonly Ttlv[];

  constructor(operation: OperationName, items: readonly Ttlv[]) {
    this.#operation = operation;
    this.#items = items;
  }

  /** All items of a tag. */
  all(tag: number): readonly Ttlv[] {
    return this.#items.filter((item) => item.tag === tag);
  }

  has(tag: number): boolean {
    return this.all(tag).length > 0;
  }

  structure(tag: number): Fields {
    return new Fields(this.#operation, itemsOf(this.#operation, this.#one(tag), tag));
  }

  integer(tag: number): number {
    const item = this.#one(tag);
    if (item.type === "integer") return item.value;
    throw this.#wrong(tag, item, "an integer");
  }

  enumeration(tag: number): number {
    const item = this.#one(tag);
    if (item.type === "enumeration") return item.value;
    throw this.#wrong(tag, item, "an enumeration");
  }

  text(tag: number): string {
    const item = this.#one(tag);
    if (item.type === "text") return item.value;
    throw this.#wrong(tag, item, "text");
  }

  bytes(tag: number): Uint8Array {
    const item = this.#one(tag);
    if (item.type === "bytes") return item.value;
    throw this.#wrong(tag, item, "bytes");
  }

  #one(tag: number): Ttlv {
    const [item, ...more] = this.all(tag);
    if (item !== undefined && more.length === 0) return item;
    throw refuse(this.#operation, `${this.all(tag).length} items of tag "${tag.toString(16)}"`, "one");
  }

  #wrong(tag: number, { type }: Ttlv, wanted: string): KmsError {
    return refuse(this.#operation, `${type} for tag "${tag.toString(16)}"`, wanted);
  }
}

function itemsOf(operation: OperationName, item: Ttlv, tag: number): readonly Ttlv[] {
  if (item.tag === tag && item.type === "structure") return item.items;
  throw refuse(operation, `${item.type} of tag "${item.tag.toString(16)}"`, `a structure of "${tag.toString(16)}"`);
}

/** Result reasons (section 9.1.3.2.29; KMIP 2.1 section 11.48). */
const REASONS: ReadonlyMap<number, KmsErrorCode> = new Map([
  [0x01, "kms_key_missing"],
  [0x03, "kms_denied"],
  [0x05, "kms_key_unfit"],
  [0x08, "kms_key_unfit"],
  [0x0a, "wrapped_key_corrupt"],
  [0x0b, "kms_key_unfit"],
  [0x0c, "kms_denied"],
  [0x0d, "kms_key_disabled"],
  [0x29, "kms_key_unfit"],
  [0x2a, "kms_failed"],
  [0x36, "kms_key_missing"],
  [0x37, "kms_key_missing"],
  [0x39, "kms_denied"],
  [0x3a, "kms_busy"],
  [0x43, "kms_key_disabled"],
]);

function resultError(operation: OperationName, status: number, item: Fields): KmsError {
  const reason = item.has(TAG.resultReason) ? item.enumeration(TAG.resultReason) : 0;
  const words = item.has(TAG.resultMessage) ? item.text(TAG.resultMessage) : "";
  const got = `result "${status}" for reason "0x${reason.toString(16)}" ${quoted(words)}`;
  return new KmsError(REASONS.get(reason) ?? "kms_answer", `${nameOf(operation)} failed: got ${got}, wanted success`);
}

/** An answer that is not what was asked for. */
export function refuse(operation: OperationName, got: string, wanted: string): KmsError {
  return new KmsError("kms_answer", `${nameOf(operation)} failed: got ${got}, wanted ${wanted}`);
}

/** An operation in messages. */
export function nameOf(operation: OperationName): string {
  return `${operation} over KMIP`;
}
