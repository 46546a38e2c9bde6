import { utf8 } from "@constellation/bytes";
import type { Collateral } from "../collateral.ts";
import { type CertificateRequest, type Identity, issueCertificate, issueCrl } from "./certificates.ts";
import { fakeQeIdentity, fakeTcbInfo, type Json, signedAnswer } from "./documents.ts";
import { fakeQuote, type FakeQuoteRequest } from "./fake-quote.ts";
import { sgxExtensions } from "./sgx-extensions.ts";

/** What collateral says in other ways than by default. */
export interface FakeCollateralRequest {
  /** Members of the TCB info to be set. */
  readonly tcbInfo?: Json;
  readonly qeIdentity?: Json;
}

/** The time at which all that `FakeIntel` issues by default is valid. */
export const FAKE_NOW = new Date("2026-01-01T00:00:00Z");

/**
 * A stand-in for Intel: a root with CAs and signers as Intel's, that certifies a fake platform, makes TD quotes of any
 * claims, and publishes collateral. What it makes is good by default and can be spoilt part by part.
 */
export class FakeIntel {
  readonly root: Identity;
  readonly platformCa: Identity;
  readonly pck: Identity;
  readonly tcbSigning: Identity;
  readonly #rootCaCrl: Uint8Array;
  readonly #pckCrl: Uint8Array;

  private constructor(
    identities: readonly [Identity, Identity, Identity, Identity],
    crls: readonly [Uint8Array, Uint8Array],
  ) {
    [this.root, this.platformCa, this.pck, this.tcbSigning] = identities;
    [this.#rootCaCrl, this.#pckCrl] = crls;
  }

  /** Makes a new authority with new keys. */
  static async create(): Promise<FakeIntel> {
    const root = await issueCertificate({ commonName: "Intel SGX Root CA", isCa: true });
    const platformCa = await issueCertificate({ commonName: "Intel SGX PCK Platform CA", issuer: root, isCa: true });
    const pck = await issueCertificate(pckRequest(platformCa));
    const tcbSigning = await issueCertificate({ commonName: "Intel SGX TCB Signing", issuer: root });
    const crls = await Promise.all([issueCrl({ issuer: root }), issueCrl({ issuer: platformCa })]);
    return new FakeIntel([root, platformCa, pck, tcbSigning], crls);
  }

  /** PEM of a PCK certificate, its CA and the root. */
  pckChain(pck: Identity = this.pck, ca: Identity = this.platformCa, root: Identity = this.root): Uint8Array {
    return pemChain(pck, ca, root);
  }

  /** The bytes of a quote of this authority's platform. */
  quote(request: Partial<FakeQuoteRequest> = {}): Uint8Array {
    return fakeQuote({ pckKeys: this.pck.keys, pckCertificateChain: this.pckChain(), ...request });
  }

  /** Collateral for this authority's platform. */
  collateral({ tcbInfo, qeIdentity }: FakeCollateralRequest = {}): Collateral {
    const signerChain = pemChain(this.tcbSigning, this.root);
    const { keys } = this.tcbSigning;
    return {
      tcbInfo: signedAnswer("tcbInfo", { ...fakeTcbInfo(), ...tcbInfo }, keys),
      tcbInfoIssuerChain: signerChain,
      qeIdentity: signedAnswer("enclaveIdentity", { ...fakeQeIdentity(), ...qeIdentity }, keys),
      qeIdentityIssuerChain: signerChain,
      rootCaCrl: this.#rootCaCrl,
      pckCrl: this.#pckCrl,
      pckCrlIssuerChain: pemChain(this.platformCa, this.root),
    };
  }
}

/** A PCK certificate of this CA. */
export function pckRequest(issuer: Identity): CertificateRequest {
  return { commonName: "Intel SGX PCK Certificate", issuer, sgxExtensions: sgxExtensions() };
}

/** PEM certificates, one after the other. */
export function pemChain(...identities: readonly Identity[]): Uint8Array {
  return utf8(identities.map(({ pem }) => pem).join(""));
}
