import { generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { count, ia5String, octets } from "@constellation/der/testing/der-writer";
import type { Product } from "../product.ts";
import { caExtensions, extension, issueCertificate, issueCrl } from "./amd-certificate.ts";

/** The provider that VLEKs are of by default. */
export const FAKE_CSP_ID = "CN=csp.example";

/** Serial numbers that `FakeAmd` issues its authorities under. */
export const SERIAL_NUMBERS = { ARK: 0x10000, ASK: 0x10001, ASVK: 0x10101 } as const;

/** What a VCEK or VLEK certificate is to say; all has a default. */
export interface EndorsementRequest {
  /** The TCB_VERSION, 8 bytes as in REPORTED_TCB. */
  readonly tcb?: Uint8Array;
  /** For a VCEK. */
  readonly hwId?: Uint8Array;
  /** For a VLEK. */
  readonly cspId?: string;
  readonly productName?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly commonName?: string;
  /** Who issues it: ASK for a VCEK, ASVK for a VLEK. */
  readonly issuer?: "ARK" | "ASK" | "ASVK";
  readonly publicKey?: KeyObject;
  /** Values of extensions by their OID; undefined leaves one out. */
  readonly extensions?: Readonly<Record<string, Uint8Array | undefined>>;
  /** Whole extensions after all others. */
  readonly moreExtensions?: readonly Uint8Array[];
}

/** An endorsement key with its certificate in DER. */
export interface EndorsementKey {
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
}

interface Authority {
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly certificate: Uint8Array;
}

const AMD = "1.3.6.1.4.1.3704.1";
const NOT_BEFORE = new Date("2024-01-01T00:00:00Z");
const CA_NOT_BEFORE = new Date("2020-10-22T17:23:05Z");
const CA_NOT_AFTER = new Date("2045-10-22T17:23:05Z");
const LEAF_NOT_AFTER = new Date("2031-01-01T00:00:00Z");

/** OIDs of SVN extensions by their byte of TCB_VERSION. */
const SVN_OIDS: Readonly<Record<"milan-genoa" | "turin", readonly string[]>> = {
  "milan-genoa": ["3.1", "3.2", "3.4", "3.5", "3.6", "3.7", "3.3", "3.8"],
  turin: ["3.9", "3.1", "3.2", "3.3", "3.5", "3.6", "3.7", "3.8"],
};

/**
 * An AMD of one product line for tests: ARK, ASK and ASVK, and whatever VCEKs, VLEKs and CRLs a test asks for, in the
 * form of AMD 57230. Its RSA keys are of 2048 bits, AMD's of 4096.
 */
export class FakeAmd {
  readonly product: Product;
  readonly #authorities: Readonly<Record<"ARK" | "ASK" | "ASVK", Authority>>;

  constructor(product: Product = "Milan") {
    this.product = product;
    const crlUrl = (kind: string) => `https://kdsintf.amd.com/${kind}/v1/${product}/crl`;
    const ark = newAuthority(`ARK-${product}`, SERIAL_NUMBERS.ARK, crlUrl("vcek"));
    this.#authorities = {
      ARK: ark,
      ASK: newAuthority(`SEV-${product}`, SERIAL_NUMBERS.ASK, crlUrl("vcek"), ark),
      ASVK: newAuthority(`SEV-VLEK-${product}`, SERIAL_NUMBERS.ASVK, crlUrl("vlek"), ark),
    };
  }

  /** The root certificate, DER. */
  get ark(): Uint8Array {
    return this.#authorities.ARK.certificate;
  }

  /** The certificate that VCEKs are under, DER. */
  get ask(): Uint8Array {
    return this.#authorities.ASK.certificate;
  }

  /** The certificate that VLEKs are under, DER. */
  get asvk(): Uint8Array {
    return this.#authorities.ASVK.certificate;
  }

  /** Issues a VCEK. */
  issueVcek(request: EndorsementRequest = {}): EndorsementKey {
    const hwId = request.hwId ?? randomBytes(this.product === "Turin" ? 8 : 64);
    return this.#issue("SEV-VCEK", "ASK", request, { [`${AMD}.4`]: new Uint8Array(hwId) });
  }

  /** Issues a VLEK. */
  issueVlek(request: EndorsementRequest = {}): EndorsementKey {
    return this.#issue("SEV-VLEK", "ASVK", request, { [`${AMD}.5`]: ia5String(request.cspId ?? FAKE_CSP_ID) });
  }

  /** Issues a CRL of the ARK, DER. */
  issueCrl(
    revokedSerialNumbers: readonly number[],
    { thisUpdate = NOT_BEFORE, nextUpdate = LEAF_NOT_AFTER }: { thisUpdate?: Date; nextUpdate?: Date } = {},
  ): Uint8Array {
    const { commonName, privateKey } = this.#authorities.ARK;
    return issueCrl({ issuer: commonName, thisUpdate, nextUpdate, revokedSerialNumbers }, privateKey);
  }

  #issue(
    commonName: string,
    issuerName: "ASK" | "ASVK",
    request: EndorsementRequest,
    identity: Readonly<Record<string, Uint8Array>>,
  ): EndorsementKey {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
    const issuer = this.#authorities[request.issuer ?? issuerName];
    const values = { ...this.#claims(request), ...identity, ...request.extensions };
    const certificate = issueCertificate(
      {
        serialNumber: 0,
        issuer: issuer.commonName,
        subject: request.commonName ?? commonName,
        notBefore: request.notBefore ?? NOT_BEFORE,
        notAfter: request.notAfter ?? LEAF_NOT_AFTER,
        publicKey: request.publicKey ?? publicKey,
        extensions: [
          ...Object.entries(values).flatMap(([id, value]) => (value === undefined ? [] : [extension(id, value)])),
          ...(request.moreExtensions ?? []),
        ],
      },
      issuer.privateKey,
    );
    return { certificate, privateKey };
  }

  #claims({ tcb = new Uint8Array(8), productName = this.product }: EndorsementRequest): Record<string, Uint8Array> {
    const oids = SVN_OIDS[this.product === "Turin" ? "turin" : "milan-genoa"];
    const svns = oids.map((id, index) => [`${AMD}.${id}`, count(tcb[index] as number)] as const);
    return { [`${AMD}.1`]: count(0), [`${AMD}.2`]: ia5String(productName), ...Object.fromEntries(svns) };
  }
}

/** A HWID in the form that some certificates have it: an OCTET STRING inside the extension's own. */
export function wrappedHwId(hwId: Uint8Array): Readonly<Record<string, Uint8Array>> {
  return { [`${AMD}.4`]: octets(hwId) };
}

function newAuthority(commonName: string, serialNumber: number, crlUrl: string, issuer?: Authority): Authority {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const certificate = issueCertificate(
    {
      serialNumber,
      issuer: issuer?.commonName ?? commonName,
      subject: commonName,
      notBefore: CA_NOT_BEFORE,
      notAfter: CA_NOT_AFTER,
      publicKey,
      extensions: caExtensions(publicKey, issuer?.publicKey, crlUrl),
    },
    issuer?.privateKey ?? privateKey,
  );
  return { commonName, publicKey, privateKey, certificate };
}
