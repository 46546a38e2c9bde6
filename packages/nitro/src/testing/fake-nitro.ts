import type { CborMap, CborValue } from "@constellation/cose";
import { encode } from "@constellation/cose/testing/cbor";
import { issueSign1, type Sign1Parts } from "@constellation/cose/testing/sign1-writer";
import { oid, seq, set, text } from "@constellation/der/testing/der-writer";
import { type Certificate, parseCertificate } from "@constellation/x509";
import {
  basicConstraints,
  type CertificateParts,
  ecdsaSha384,
  issue,
  issueCa,
  type KeyPair,
  keyUsage,
  p384,
  type Signer,
} from "@constellation/x509/testing/certificate-writer";
import type { DocumentKind } from "../attestation-document.ts";
import type { VerifyDocumentInput } from "../verify-document.ts";

export const NOW = new Date("2026-01-01T00:00:00Z");

const SIGN_USAGE = keyUsage(0xc0, 6);
const NO_CA = basicConstraints(false);

/** A register value, the same byte 48 times. */
export const pcr = (fill: number): Uint8Array => new Uint8Array(48).fill(fill);

/** The fields of a document as AWS writes them; a change of undefined leaves a field out. */
export type FieldChanges = Readonly<Record<string, CborValue | undefined>>;

/** What may differ from a genuine document. */
export interface Changes {
  readonly kind?: DocumentKind;
  readonly fields?: FieldChanges;
  /** The payload as bytes, instead of fields. */
  readonly payload?: Uint8Array;
  readonly leaf?: CertificateParts;
  readonly leafKey?: KeyPair;
  /** The key that signs the document, instead of the leaf's. */
  readonly signingKey?: KeyPair;
  readonly message?: Partial<Sign1Parts>;
  readonly roots?: readonly Certificate[];
  readonly now?: Date;
}

/** A Nitro attestation PKI of its own: root, region and instance. */
export class FakeNitro {
  readonly root: Uint8Array;
  readonly region: Uint8Array;
  readonly instance: Uint8Array;
  readonly #instanceKey: KeyPair;
  readonly #signer: Signer;

  /** Another kind of CA keys than AWS has may be taken where many chains are to be verified. */
  constructor(newKey: () => KeyPair = p384, signer: Signer = ecdsaSha384) {
    const [rootKey, regionKey] = [newKey(), newKey()];
    this.#instanceKey = newKey();
    this.#signer = signer;
    const ca = (subject: string, issuer: string, key: KeyPair, issuerKey: KeyPair) =>
      issueCa(subject, issuer, key, issuerKey, { signer, subject: fakeName(subject), issuer: fakeName(issuer) });
    this.root = ca("aws.nitro-enclaves", "aws.nitro-enclaves", rootKey, rootKey);
    this.region = ca("region", "aws.nitro-enclaves", regionKey, rootKey);
    this.instance = ca("instance", "region", this.#instanceKey, regionKey);
  }

  get cabundle(): Uint8Array[] {
    return [this.root, this.region, this.instance];
  }

  issueLeaf(key: KeyPair, parts: CertificateParts = {}): Uint8Array {
    const defaults = {
      subject: fakeName("i-1.enclave"),
      issuer: fakeName("instance"),
      extensions: [NO_CA, SIGN_USAGE],
      signer: this.#signer,
    };
    return issue(key, this.#instanceKey, { ...defaults, ...parts });
  }

  /** A genuine document but for the changes, and what it is to be verified with. */
  evidence(changes: Changes = {}): VerifyDocumentInput {
    const leafKey = changes.leafKey ?? p384();
    const leaf = this.issueLeaf(leafKey, changes.leaf);
    const payload = changes.payload ?? this.#payload(leaf, changes);
    const { privateKey } = changes.signingKey ?? leafKey;
    return {
      document: issueSign1(privateKey, { payload, ...changes.message }),
      roots: changes.roots ?? [parseCertificate(this.root)],
      now: changes.now ?? NOW,
    };
  }

  #payload(leaf: Uint8Array, { kind = "enclave", fields = {} }: Changes): Uint8Array {
    const all: FieldChanges = { ...defaultFields(kind), certificate: leaf, cabundle: this.cabundle, ...fields };
    const present = Object.entries(all).filter((field): field is [string, CborValue] => field[1] !== undefined);
    return encode(new Map(present), true);
  }
}

/** A name that says that it is none of AWS's. */
function fakeName(commonName: string): Uint8Array {
  const attribute = (type: string, value: string) => set(seq(oid(type), text(value)));
  return seq(attribute("2.5.4.11", "Constellation FAKE"), attribute("2.5.4.3", commonName));
}

function defaultFields(kind: DocumentKind): FieldChanges {
  const pcrs: CborMap = new Map(Array.from({ length: 5 }, (_, index) => [BigInt(index), pcr(index + 1)]));
  return {
    module_id: "i-1-enc1",
    digest: "SHA384",
    timestamp: BigInt(NOW.getTime()),
    [kind === "enclave" ? "pcrs" : "nitrotpm_pcrs"]: pcrs,
    public_key: null,
    user_data: Uint8Array.of(1, 2, 3),
    nonce: null,
  };
}

/** Certificate parts with a key usage octet and whether it is a CA's. */
export function usage(octet: number, unused: number, ca = false): CertificateParts {
  return { extensions: [basicConstraints(ca), keyUsage(octet, unused)] };
}
