/** For tests: a fake Intel, and policies to start from. */
export {
  type CertificateRequest,
  type CrlRequest,
  FAKE_ISSUED,
  type Identity,
  issueCertificate,
  issueCrl,
  type KeyPair,
  newKeys,
} from "./certificates.ts";
export {
  fakeQeIdentity,
  fakeTcbInfo,
  INTEL_MODULE,
  isvSvnLevel,
  type Json,
  platformLevel,
  signedAnswer,
} from "./documents.ts";
export { type FakeCcEvent, fakeCcel, fakeRtmr } from "./fake-ccel.ts";
export { FAKE_NOW, type FakeCollateralRequest, FakeIntel, pckRequest, pemChain } from "./fake-intel.ts";
export {
  FAKE_BODY,
  FAKE_QE_REPORT,
  type FakeBody,
  type FakeQeReport,
  fakeQuote,
  type FakeQuoteRequest,
} from "./fake-quote.ts";
export { FAKE_PCK, type FakePck, sgxExtensionPairs, sgxExtensions } from "./sgx-extensions.ts";
export {
  failuresOf,
  type FakeEvidence,
  fakeEvidence,
  type Spoilt,
  verifyFake,
  verifyGenuineFake,
} from "./verify-fake.ts";
