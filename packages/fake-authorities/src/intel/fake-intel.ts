import type { Collateral, CrlUpdates } from "@constellation/tdx";
import {
  FAKE_ISSUED,
  FAKE_PCK,
  type FakeCollateralRequest,
  type FakePck,
  fakeQeIdentity,
  fakeTcbInfo,
  type Identity,
  issueCertificate,
  issueCrl,
  pemChain,
  sgxExtensions,
  signedAnswer,
} from "@constellation/tdx/testing";
import type { FakeBody } from "@constellation/tdx/testing";
import { FakeTdxGuest } from "./fake-tdx-guest.ts";

/** Which of Intel's CAs certifies a platform. */
export type PckCa = "platform" | "processor";

/** What collateral is to say; all has defaults. */
export interface CollateralRequest extends FakeCollateralRequest {
  readonly ca?: PckCa;
  /** PCK certificates on the CRL of their CA. */
  readonly revokedPcks?: readonly Identity[];
  /** CAs and signers on the root's CRL. */
  readonly revokedCas?: readonly Identity[];
  /** When the CRLs were issued. */
  readonly thisUpdate?: Partial<CrlUpdates>;
}

/** What a fake platform and its TD are. */
export interface FakeTdxRequest {
  readonly ca?: PckCa;
  readonly pck?: Partial<FakePck>;
  /** Fields of every quote. */
  readonly body?: Partial<FakeBody>;
  /** Texts of the events that RTMR0 to RTMR2 hold. */
  readonly events?: readonly (readonly string[])[];
}

/**
 * A stand-in for Intel: a root, the platform and the processor CA, PCK certificates of any platform, and the key that
 * signs TCB info and QE identity.
 */
export class FakeIntel {
  readonly root: Identity;
  readonly cas: Readonly<Record<PckCa, Identity>>;
  readonly tcbSigning: Identity;

  private constructor(root: Identity, cas: Readonly<Record<PckCa, Identity>>, tcbSigning: Identity) {
    this.root = root;
    this.cas = cas;
    this.tcbSigning = tcbSigning;
  }

  /** Makes a new authority with new keys. */
  static async create(): Promise<FakeIntel> {
    const root = await issueCertificate({ commonName: "Intel SGX Root CA", isCa: true });
    const platform = await issueCertificate({ commonName: "Intel SGX PCK Platform CA", issuer: root, isCa: true });
    const processor = await issueCertificate({ commonName: "Intel SGX PCK Processor CA", issuer: root, isCa: true });
    const tcbSigning = await issueCertificate({ commonName: "Intel SGX TCB Signing", issuer: root });
    return new FakeIntel(root, { platform, processor }, tcbSigning);
  }

  /** Certifies a platform, and makes a TD on it. */
  async createGuest({ ca = "platform", pck, body, events }: FakeTdxRequest = {}): Promise<FakeTdxGuest> {
    const issuer = this.cas[ca];
    const extensions = sgxExtensions({ ...FAKE_PCK, isPlatform: ca === "platform", ...pck });
    const identity = await issueCertificate({
      commonName: "Intel SGX PCK Certificate",
      issuer,
      sgxExtensions: extensions,
    });
    return new FakeTdxGuest({ pck: identity, chain: pemChain(identity, issuer, this.root), body, events });
  }

  /** Collateral for platforms that this CA certified. */
  async collateral({ ca = "platform", ...request }: CollateralRequest = {}): Promise<Collateral> {
    const signerChain = pemChain(this.tcbSigning, this.root);
    const { keys } = this.tcbSigning;
    const {
      revokedCas = [],
      revokedPcks = [],
      thisUpdate: { rootCaCrl = FAKE_ISSUED, pckCrl = FAKE_ISSUED } = {},
    } = request;
    return {
      tcbInfo: signedAnswer("tcbInfo", { ...fakeTcbInfo(), ...request.tcbInfo }, keys),
      tcbInfoIssuerChain: signerChain,
      qeIdentity: signedAnswer("enclaveIdentity", { ...fakeQeIdentity(), ...request.qeIdentity }, keys),
      qeIdentityIssuerChain: signerChain,
      rootCaCrl: await issueCrl({ issuer: this.root, revoked: revokedCas, thisUpdate: rootCaCrl }),
      pckCrl: await issueCrl({ issuer: this.cas[ca], revoked: revokedPcks, thisUpdate: pckCrl }),
      pckCrlIssuerChain: pemChain(this.cas[ca], this.root),
    };
  }
}
