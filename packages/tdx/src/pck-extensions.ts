import {
  type DerElement,
  DerError,
  parseDer,
  readBoolean,
  readCount,
  readOctetString,
  readOid,
  sequence,
} from "@constellation/der";
import type { Certificate } from "@constellation/x509";
import { attempt } from "./attempt.ts";
import { TdxError } from "./error.ts";

/** The TCB that a PCK certificate was issued for. */
export interface PckTcb {
  /** SGX TCB Comp01 SVN to Comp16 SVN. */
  readonly components: readonly number[];
  readonly PCESVN: number;
  /** 16 bytes. */
  readonly CPUSVN: Uint8Array;
}

/**
 * The SGX extensions of a PCK certificate (Intel SGX PCK Certificate and Certificate Revocation List Profile
 * Specification, section 1.3.5).
 */
export interface PckExtensions {
  /** 16 bytes: encrypted-platform identity. */
  readonly PPID: Uint8Array;
  readonly TCB: PckTcb;
  /** 2 bytes. */
  readonly PCEID: Uint8Array;
  /** 6 bytes: family, model, stepping, platform type and custom SKU. */
  readonly FMSPC: Uint8Array;
  /** 0 standard, 1 scalable, 2 scalable with integrity. */
  readonly SGXType: number;
  /** 16 bytes, in certificates of the platform CA. */
  readonly platformInstanceId?: Uint8Array;
  /** In certificates of the platform CA. */
  readonly configuration?: PckConfiguration;
}

/** How a multi-package platform was set up. */
export interface PckConfiguration {
  readonly dynamicPlatform: boolean;
  readonly cachedKeys: boolean;
  readonly smtEnabled: boolean;
}

const SGX_EXTENSIONS = "1.2.840.113741.1.13.1";
const TCB = `${SGX_EXTENSIONS}.2`;
const CONFIGURATION = `${SGX_EXTENSIONS}.7`;
const COMPONENTS = Array.from({ length: 16 }, (_, index) => `${TCB}.${index + 1}`);
const MAX_SVN = 0xff;
const MAX_PCE_SVN = 0xffff;
const MAX_SGX_TYPE = 2;
const ENUMERATED = 0x0a;

/** Reads the SGX extensions. Throws `TdxError` "pck_extensions" where they are missing or malformed. */
export function readPckExtensions({ extensions }: Certificate): PckExtensions {
  const extension = extensions.find(({ oid }) => oid === SGX_EXTENSIONS);
  if (extension === undefined) throw malformed(`no extension "${SGX_EXTENSIONS}", wanted the SGX extensions`);
  const { value, error: cause } = attempt([DerError], () => readExtensions(new Values(parseDer(extension.value))));
  if (value !== undefined) return value;
  throw malformed(`malformed ones: ${cause.message}`, { cause });
}

function readExtensions(values: Values): PckExtensions {
  const platformInstanceId = values.optional(`${SGX_EXTENSIONS}.6`);
  const configuration = values.optional(CONFIGURATION);
  return {
    PPID: readBytes(values.required(`${SGX_EXTENSIONS}.1`), 16),
    TCB: readTcb(new Values(values.required(TCB))),
    PCEID: readBytes(values.required(`${SGX_EXTENSIONS}.3`), 2),
    FMSPC: readBytes(values.required(`${SGX_EXTENSIONS}.4`), 6),
    SGXType: readEnumerated(values.required(`${SGX_EXTENSIONS}.5`)),
    ...(platformInstanceId && { platformInstanceId: readBytes(platformInstanceId, 16) }),
    ...(configuration && { configuration: readConfiguration(new Values(configuration)) }),
  };
}

function readTcb(values: Values): PckTcb {
  const components = COMPONENTS.map((oid) => readCount(values.required(oid), MAX_SVN));
  const PCESVN = readCount(values.required(`${TCB}.17`), MAX_PCE_SVN);
  return { components, PCESVN, CPUSVN: readBytes(values.required(`${TCB}.18`), 16) };
}

function readConfiguration(values: Values): PckConfiguration {
  return {
    dynamicPlatform: readBoolean(values.required(`${CONFIGURATION}.1`)),
    cachedKeys: readBoolean(values.required(`${CONFIGURATION}.2`)),
    smtEnabled: readBoolean(values.required(`${CONFIGURATION}.3`)),
  };
}

/** A SEQUENCE of pairs of an OID and a value. Pairs that are not asked for are passed over: the list may grow. */
class Values {
  readonly #values = new Map<string, DerElement>();

  constructor(element: DerElement) {
    const members = sequence(element, "SGX Extensions");
    while (members.hasMore()) this.#add(members.next());
  }

  required(oid: string): DerElement {
    const value = this.optional(oid);
    if (value === undefined) throw malformed(`no value "${oid}", wanted one`);
    return value;
  }

  optional(oid: string): DerElement | undefined {
    return this.#values.get(oid);
  }

  #add(pair: DerElement): void {
    const members = sequence(pair, "SGX Extension");
    const oid = readOid(members.next());
    const value = members.next();
    members.end();
    if (this.#values.has(oid)) throw malformed(`value "${oid}" twice, wanted it once`);
    this.#values.set(oid, value);
  }
}

function readBytes(element: DerElement, sizeBytes: number): Uint8Array {
  const bytes = readOctetString(element);
  if (bytes.length !== sizeBytes) throw malformed(`a value of "${bytes.length}" bytes, wanted "${sizeBytes}"`);
  return bytes;
}

function readEnumerated({ tag, contents }: DerElement): number {
  const [value] = contents;
  if (tag !== ENUMERATED || value === undefined || contents.length !== 1 || value > MAX_SGX_TYPE) {
    throw malformed("another SGX type, wanted standard, scalable or scalable with integrity");
  }
  return value;
}

function malformed(problem: string, options?: ErrorOptions): TdxError {
  return new TdxError("pck_extensions", `Read PCK certificate failed: got ${problem}`, options);
}
