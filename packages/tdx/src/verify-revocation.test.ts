import assert from "node:assert/strict";
import { test } from "node:test";
import {
  failuresOf,
  fakeQeIdentity,
  FakeIntel,
  type Identity,
  issueCertificate,
  issueCrl,
  newKeys,
  pckRequest,
  pemChain,
  signedAnswer,
  type Spoilt,
  verifyFake,
} from "./testing/index.ts";

const intel = await FakeIntel.create();
const verify = (spoilt?: Spoilt) => verifyFake(intel, spoilt);

function refuses(title: string, spoilt: Spoilt, ...wanted: readonly string[]): void {
  test(`verifyQuote() refuses ${title}`, () => {
    assert.deepEqual(failuresOf(verify(spoilt).checks), wanted);
  });
}

const { root, platformCa, tcbSigning, pck } = intel;
const otherRoot = (await FakeIntel.create()).root;
const spareCa = await issueCertificate({ commonName: "Intel SGX PCK Platform CA", issuer: otherRoot, isCa: true });
const sparePck = await issueCertificate(pckRequest(platformCa));
const rootCrl = (revoked: readonly Identity[]) => issueCrl({ issuer: root, revoked });
const secondSigner = await issueCertificate({ commonName: "Intel SGX TCB Signing", issuer: root });
const secondCa = await issueCertificate({
  commonName: "Intel SGX PCK Platform CA",
  issuer: root,
  isCa: true,
  keys: platformCa.keys,
});
const processorCa = await issueCertificate({ commonName: "Intel SGX PCK Processor CA", issuer: root, isCa: true });
const bySecondSigner = {
  qeIdentity: signedAnswer("enclaveIdentity", fakeQeIdentity(), secondSigner.keys),
  qeIdentityIssuerChain: pemChain(secondSigner, root),
};
const past = new Date("2025-12-31T00:00:00Z");
const future = new Date("2026-01-02T00:00:00Z");

test("verifyQuote() accepts CRLs that revoke others", async () => {
  const rootCaCrl = await rootCrl([processorCa, secondSigner]);
  const pckCrl = await issueCrl({ issuer: platformCa, revoked: [sparePck] });
  assert.deepEqual(failuresOf(verify({ collateral: { rootCaCrl, pckCrl } }).checks), []);
});

test("verifyQuote() tells when each CRL was issued", async () => {
  const [rootUpdate, pckUpdate] = [new Date("2025-12-30T00:00:00Z"), new Date("2025-12-31T00:00:00Z")];
  const rootCaCrl = await issueCrl({ issuer: root, thisUpdate: rootUpdate });
  const pckCrl = await issueCrl({ issuer: platformCa, thisUpdate: pckUpdate });
  const { crlUpdates } = verify({ collateral: { rootCaCrl, pckCrl } });
  assert.deepEqual(crlUpdates, { rootCaCrl: rootUpdate, pckCrl: pckUpdate });
});

refuses(
  "a root CRL that is none",
  { collateral: { rootCaCrl: Uint8Array.of(0x30, 0) } },
  "rootCaCrl: root_ca_crl_malformed",
);
refuses(
  "a root CRL of another CA",
  { collateral: { rootCaCrl: await issueCrl({ issuer: platformCa }) } },
  "rootCaCrl: root_ca_crl_crl_issuer",
);
refuses(
  "a root CRL that another key signed",
  { collateral: { rootCaCrl: await issueCrl({ issuer: root, signingKeys: newKeys() }) } },
  "rootCaCrl: root_ca_crl_crl_signature",
);
refuses(
  "a root CRL after its time",
  { collateral: { rootCaCrl: await issueCrl({ issuer: root, nextUpdate: past }) } },
  "rootCaCrl: root_ca_crl_crl_expired",
);
refuses(
  "a root CRL before its time",
  { collateral: { rootCaCrl: await issueCrl({ issuer: root, thisUpdate: future }) } },
  "rootCaCrl: root_ca_crl_crl_not_yet_valid",
);
refuses(
  "a revoked CA",
  { collateral: { rootCaCrl: await rootCrl([platformCa]) } },
  "rootCaCrl.pckCa: pck_ca_revoked",
  "rootCaCrl.pckCrlIssuer: pck_crl_issuer_revoked",
);
refuses(
  "a revoked signer of TCB info",
  { collateral: { rootCaCrl: await rootCrl([tcbSigning]), ...bySecondSigner } },
  "rootCaCrl.tcbInfoSigner: tcb_info_signer_revoked",
);
refuses(
  "a revoked signer of the QE identity",
  { collateral: { rootCaCrl: await rootCrl([secondSigner]), ...bySecondSigner } },
  "rootCaCrl.qeIdentitySigner: qe_identity_signer_revoked",
);
refuses(
  "a PCK CRL of a revoked certificate of the CA",
  { collateral: { rootCaCrl: await rootCrl([secondCa]), pckCrlIssuerChain: pemChain(secondCa, root) } },
  "rootCaCrl.pckCrlIssuer: pck_crl_issuer_revoked",
);
refuses(
  "a PCK CRL with the chain of another root",
  { collateral: { pckCrlIssuerChain: pemChain(spareCa, otherRoot) } },
  "pckCrlIssuerChain.chain: pck_crl_chain_signature",
);
refuses(
  "a PCK CRL of a signer of another name",
  { collateral: { pckCrlIssuerChain: pemChain(tcbSigning, root), pckCrl: await issueCrl({ issuer: tcbSigning }) } },
  "pckCrlIssuerChain.subject: pck_crl_chain_subject",
);
const noCa = await issueCertificate({ commonName: "Intel SGX PCK Platform CA", issuer: root, keys: platformCa.keys });
refuses(
  "a PCK CRL with a certificate of its signer that is no CA's",
  { collateral: { pckCrlIssuerChain: pemChain(noCa, root) } },
  "pckCrlIssuerChain.subject: pck_crl_chain_subject",
);
refuses(
  "a PCK CRL of the CA of other platforms",
  {
    collateral: { pckCrlIssuerChain: pemChain(processorCa, root), pckCrl: await issueCrl({ issuer: processorCa }) },
  },
  "pckCrl: pck_crl_crl_issuer",
);
refuses(
  "a PCK CRL that another key signed",
  { collateral: { pckCrl: await issueCrl({ issuer: platformCa, signingKeys: newKeys() }) } },
  "pckCrl: pck_crl_crl_signature",
);
refuses(
  "a PCK CRL after its time",
  { collateral: { pckCrl: await issueCrl({ issuer: platformCa, nextUpdate: past }) } },
  "pckCrl: pck_crl_crl_expired",
);
refuses(
  "a revoked PCK certificate",
  { collateral: { pckCrl: await issueCrl({ issuer: platformCa, revoked: [sparePck, pck] }) } },
  "pckCrl.pckCertificate: pck_certificate_revoked",
);
