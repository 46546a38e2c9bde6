/** What each side checks, and what not: the inputs are the same, the checks are as near as each side's interface lets. */
export const CHECKS: Readonly<Record<string, string>> = {
  ours:
    "all below that is said of any peer, strict DER and JSON, a total policy over every field, and a verdict with each " +
    "check and the claims. The roots' signatures over themselves: once for a policy, as all sides read their roots once",
  "go-sev-guest":
    "chain VCEK - ASK - pinned ARK, names, TCB and chip in the VCEK, report signature; policy, family, image, report and " +
    "host data, measurement, migration agent, chip, VMPL, TCB order. Not: the ARK's own signature, the CRL (the case has " +
    "none), reserved bits, a least TCB (none asked for)",
  "go-tdx-guest":
    "PCK chain, QE report and quote signatures, TCB info and QE identity with their chains, both CRLs with signatures, " +
    "TDX module, TCB status UpToDate; MRSEAM, TDATTRIBUTES, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR 0 to 3, " +
    "REPORTDATA. Not: the issue dates of TCB info, QE identity and CRLs",
  "@phala/dcap-qvl":
    "chains, QE report, quote, TCB info and QE identity signatures, serial numbers on the CRLs, TCB status, that the TD is not in debug mode. Not: the CRLs' " +
    "signatures, dates and issuers, names and CA bits of issuers, the TDX module's identity, any other policy over the TD",
  "go-attestation":
    "quote signature, nonce, PCR selection and digest, replay of the log; the AK certificate's chain by crypto/x509 and its " +
    "key by the bench. Not: the AK's attributes, the certificate's usage, that registers 0 to 7 are explained in full, the " +
    "values of registers",
  "go-tpm-tools":
    "AK certificate's chain, at the machine's clock as it takes no other, quote signature, nonce, PCR digest, replay of the " +
    "log, and what the log says of the boot. Not: the AK's attributes (it goes by the certificate alone), the values of " +
    "registers",
  "node:crypto":
    "the floor: one call of verify() for each signature that the evidence can't do without, keys imported beforehand, " +
    "nothing parsed",
  "node:crypto with keys": "the same, but for the keys that come with the evidence, which are imported each time",
};
