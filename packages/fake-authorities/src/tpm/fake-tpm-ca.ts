import type { KeyObject } from "node:crypto";
import { int } from "@constellation/der/testing/der-writer";
import {
  basicConstraints,
  type CertificateParts,
  issue,
  issueCa,
  type KeyPair,
  keyUsage,
  p256,
} from "@constellation/x509/testing/certificate-writer";
import { fakeName } from "../mark.ts";
import type { FakeTpm } from "./fake-tpm.ts";

/** What the authorities of a TPM's maker are called. */
export interface TpmCaNames {
  readonly organization: string;
  readonly root: string;
  readonly intermediate: string;
}

/** What a key's certificate is to say; all but the name has defaults. */
export interface KeyCertificateRequest {
  readonly commonName: string;
  /** Whole extensions after the usual ones. */
  readonly extensions?: readonly Uint8Array[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

const NO_CA = basicConstraints(false);
const DIGITAL_SIGNATURE = keyUsage(0x80, 7);
const KEY_AGREEMENT = keyUsage(0x08, 3);

/** The authorities of a maker of TPMs: a root and an intermediate, on P-256 whatever the vendor has. */
export class FakeTpmCa {
  /** DER. */
  readonly root: Uint8Array;
  /** DER. */
  readonly intermediate: Uint8Array;
  readonly #names: TpmCaNames;
  readonly #key: KeyPair;
  #issued = 0;

  constructor(names: TpmCaNames) {
    const rootKey = p256();
    this.#names = names;
    this.#key = p256();
    const [root, intermediate] = [this.#name(names.root), this.#name(names.intermediate)];
    this.root = issueCa("", "", rootKey, rootKey, { subject: root, issuer: root });
    this.intermediate = issueCa("", "", this.#key, rootKey, { subject: intermediate, issuer: root, serial: int(2) });
  }

  /** Certifies the attestation key of a TPM. */
  certifyAk({ akKey }: FakeTpm, request: KeyCertificateRequest): Uint8Array {
    return this.#certify(akKey, DIGITAL_SIGNATURE, request);
  }

  /** Certifies the endorsement key of a TPM. */
  certifyEk({ ekKey }: FakeTpm, request: KeyCertificateRequest): Uint8Array {
    return this.#certify(ekKey, KEY_AGREEMENT, request);
  }

  #certify(key: KeyObject, usage: Uint8Array, { commonName, extensions = [], ...dates }: KeyCertificateRequest) {
    this.#issued += 1;
    const parts: CertificateParts = {
      ...dates,
      subject: this.#name(commonName),
      issuer: this.#name(this.#names.intermediate),
      serial: int(1, this.#issued >> 8, this.#issued & 0xff),
      spki: key.export({ type: "spki", format: "der" }),
      extensions: [NO_CA, usage, ...extensions],
    };
    return issue(this.#key, this.#key, parts);
  }

  #name(commonName: string): Uint8Array {
    return fakeName(this.#names.organization, commonName);
  }
}
