import { CryptoError, importSpki, type PublicKey } from "@constellation/crypto";
import { DerError, parseDer, readCount, readIa5, readOctetString, TAG, expectTag } from "@constellation/der";
import type { Certificate } from "@constellation/x509";
import { SevSnpError } from "./error.ts";
import { type Product, productOfName } from "./product.ts";
import { TCB_VERSION_BYTES } from "./tcb-version.ts";

/** What a VCEK or VLEK certificate says (AMD 57230 section 3.1, table 10). Nothing in it is verified. */
export interface Endorsement {
  readonly certificate: Certificate;
  readonly kind: "VCEK" | "VLEK";
  readonly productName: string;
  readonly product: Product;
  /** The TCB_VERSION that the key belongs to, as it stands in REPORTED_TCB. */
  readonly tcb: Uint8Array;
  /** The chip, for a VCEK: 64 bytes, on Turin 8. */
  readonly hwId?: Uint8Array;
  /** The cloud provider, for a VLEK. */
  readonly cspId?: string;
  readonly key: PublicKey;
}

const AMD = "1.3.6.1.4.1.3704.1";
const STRUCT_VERSION = `${AMD}.1`;
const PRODUCT_NAME = `${AMD}.2`;
const HW_ID = `${AMD}.4`;
const CSP_ID = `${AMD}.5`;

/** SVN extensions and the byte of TCB_VERSION each stands for. spl4 to spl7 are for bytes that are reserved. */
const MILAN_GENOA_SVNS: readonly SvnExtension[] = [
  { name: "blSPL", oid: `${AMD}.3.1`, index: 0, required: true },
  { name: "teeSPL", oid: `${AMD}.3.2`, index: 1, required: true },
  { name: "spl4", oid: `${AMD}.3.4`, index: 2, required: false },
  { name: "spl5", oid: `${AMD}.3.5`, index: 3, required: false },
  { name: "spl6", oid: `${AMD}.3.6`, index: 4, required: false },
  { name: "spl7", oid: `${AMD}.3.7`, index: 5, required: false },
  { name: "snpSPL", oid: `${AMD}.3.3`, index: 6, required: true },
  { name: "ucodeSPL", oid: `${AMD}.3.8`, index: 7, required: true },
];
const TURIN_SVNS: readonly SvnExtension[] = [
  { name: "fmcSPL", oid: `${AMD}.3.9`, index: 0, required: true },
  { name: "blSPL", oid: `${AMD}.3.1`, index: 1, required: true },
  { name: "teeSPL", oid: `${AMD}.3.2`, index: 2, required: true },
  { name: "snpSPL", oid: `${AMD}.3.3`, index: 3, required: true },
  { name: "spl5", oid: `${AMD}.3.5`, index: 4, required: false },
  { name: "spl6", oid: `${AMD}.3.6`, index: 5, required: false },
  { name: "spl7", oid: `${AMD}.3.7`, index: 6, required: false },
  { name: "ucodeSPL", oid: `${AMD}.3.8`, index: 7, required: true },
];

interface SvnExtension {
  readonly name: string;
  readonly oid: string;
  readonly index: number;
  readonly required: boolean;
}

const KINDS: ReadonlyMap<string | undefined, Endorsement["kind"]> = new Map([
  ["SEV-VCEK", "VCEK"],
  ["SEV-VLEK", "VLEK"],
]);
const MAX_STRUCT_VERSION = 1;
const MAX_SVN = 255;

/** Reads a certificate as a VCEK or VLEK. Throws `SevSnpError` "endorsement_profile". */
export function readEndorsement(certificate: Certificate): Endorsement {
  try {
    return readProfile(certificate);
  } catch (cause) {
    if (!(cause instanceof DerError || cause instanceof CryptoError)) throw cause;
    throw new SevSnpError("endorsement_profile", `Read endorsement certificate failed: ${cause.message}`, { cause });
  }
}

function readProfile(certificate: Certificate): Endorsement {
  const kind = readKind(certificate);
  readCount(parseDer(required(certificate, STRUCT_VERSION, "structVersion")), MAX_STRUCT_VERSION);
  const productName = readIa5String(required(certificate, PRODUCT_NAME, "productName"));
  const product = productOfName(productName);
  if (product === undefined) throw refused(`productName ${JSON.stringify(productName)}`, "Milan, Genoa or Turin");
  return {
    certificate,
    kind,
    productName,
    product,
    tcb: readTcb(certificate, product),
    ...readIdentity(certificate, kind, product),
    key: readKey(certificate),
  };
}

/** AMD 57230 sections 3 and 3.1: the subject's common name tells a VCEK from a VLEK; neither is a CA. */
function readKind(certificate: Certificate): Endorsement["kind"] {
  const kind = KINDS.get(certificate.subject.commonName);
  if (kind === undefined) throw refused(`subject "${certificate.subject.text}"`, "common name SEV-VCEK or SEV-VLEK");
  if (certificate.basicConstraints?.ca === true) throw refused("a CA certificate", `a ${kind}`);
  return kind;
}

/** The chip's HWID stands in a VCEK, the provider's CSP_ID in a VLEK, and not the other way round. */
function readIdentity(
  certificate: Certificate,
  kind: Endorsement["kind"],
  product: Product,
): Pick<Endorsement, "hwId" | "cspId"> {
  const other = kind === "VCEK" ? CSP_ID : HW_ID;
  if (find(certificate, other) !== undefined) throw refused(`extension ${other}`, `none in a ${kind}`);
  if (kind === "VLEK") return { cspId: readIa5String(required(certificate, CSP_ID, "cspID")) };
  return { hwId: readHwId(required(certificate, HW_ID, "hwID"), product === "Turin" ? 8 : 64) };
}

/** AMD issues the HWID as the bare bytes, and has issued it as an OCTET STRING inside the extension's own. */
function readHwId(value: Uint8Array, sizeBytes: number): Uint8Array {
  if (value.length === sizeBytes) return value;
  const hwId = readOctetString(parseDer(value));
  if (hwId.length !== sizeBytes) throw refused(`hwID of ${hwId.length} bytes`, `${sizeBytes}`);
  return hwId;
}

function readTcb(certificate: Certificate, product: Product): Uint8Array {
  const tcb = new Uint8Array(TCB_VERSION_BYTES);
  for (const { name, oid, index, required: isRequired } of product === "Turin" ? TURIN_SVNS : MILAN_GENOA_SVNS) {
    const value = isRequired ? required(certificate, oid, name) : find(certificate, oid);
    if (value !== undefined) tcb[index] = readCount(parseDer(value), MAX_SVN);
  }
  return tcb;
}

/** AMD 57230 section 3: the key is on P-384. */
function readKey({ spki }: Certificate): PublicKey {
  const key = importSpki(spki);
  if (key.kind !== "ec" || key.curve !== "P-384") {
    throw refused(key.kind === "ec" ? `a key on ${key.curve}` : "an RSA key", "a key on P-384");
  }
  return key;
}

function readIa5String(value: Uint8Array): string {
  const element = parseDer(value);
  expectTag(element, TAG.IA5_STRING, "IA5String");
  return readIa5(element.contents);
}

function find(certificate: Certificate, oid: string): Uint8Array | undefined {
  return certificate.extensions.find((extension) => extension.oid === oid)?.value;
}

function required(certificate: Certificate, oid: string, name: string): Uint8Array {
  const value = find(certificate, oid);
  if (value === undefined) throw refused(`no extension ${name}`, oid);
  return value;
}

function refused(got: string, wanted: string): SevSnpError {
  return new SevSnpError("endorsement_profile", `Read endorsement certificate failed: got ${got}, wanted ${wanted}`);
}
