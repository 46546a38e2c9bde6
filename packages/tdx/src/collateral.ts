/** What Intel's PCS says about a platform, as it answers. Nothing in it is verified. */
export interface Collateral {
  /** The body of Get TDX TCB Info. */
  readonly tcbInfo: Uint8Array;
  /** PEM, from the header TCB-Info-Issuer-Chain. */
  readonly tcbInfoIssuerChain: Uint8Array;
  /** The body of the TDX QE identity. */
  readonly qeIdentity: Uint8Array;
  /** PEM, from the header SGX-Enclave-Identity-Issuer-Chain. */
  readonly qeIdentityIssuerChain: Uint8Array;
  /** The root CA's CRL, DER. */
  readonly rootCaCrl: Uint8Array;
  /** The CRL of the CA that issued the PCK certificate, DER. */
  readonly pckCrl: Uint8Array;
  /** PEM, from the header SGX-PCK-CRL-Issuer-Chain. */
  readonly pckCrlIssuerChain: Uint8Array;
}

/** The collateral to judge with. */
export type CollateralInput =
  | ({ readonly kind: "given" } & Collateral)
  /** It is wanted, and nobody has any: refused. */
  | { readonly kind: "missing" }
  /**
   * By choice: revocation, TCB status, TDX module and the quoting enclave's identity are not judged. Whoever can run an
   * enclave of their own on any genuine platform can then make any quote.
   */
  | { readonly kind: "none"; readonly reason: string };
