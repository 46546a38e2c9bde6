import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, utf8 } from "@constellation/bytes";
import {
  FAKE_PCK,
  failuresOf,
  FakeIntel,
  INTEL_MODULE,
  issueCertificate,
  isvSvnLevel,
  newKeys,
  pckRequest,
  pemChain,
  platformLevel,
  sgxExtensions,
  signedAnswer,
  type Spoilt,
  verifyFake,
  verifyGenuineFake,
} from "./testing/index.ts";

const intel = await FakeIntel.create();
const verify = (spoilt?: Spoilt) => verifyFake(intel, spoilt);

function refuses(title: string, spoilt: Spoilt, ...wanted: readonly string[]): void {
  test(`verifyQuote() refuses ${title}`, () => {
    assert.deepEqual(failuresOf(verify(spoilt).checks), wanted);
  });
}

const { root, platformCa } = intel;

// TCB info and QE identity

const fakeSigner = await issueCertificate({
  commonName: "Intel SGX TCB Signing",
  issuer: (await FakeIntel.create()).root,
});
const pckAsSigner = pemChain(intel.pck, root);
const direct = await issueCertificate({ commonName: "Intel SGX PCK Certificate", issuer: root });
const onAnotherCurve = await issueCertificate({
  commonName: "Intel SGX TCB Signing",
  issuer: root,
  keys: newKeys("P-521"),
});
const DOCUMENTS = [
  ["tcbInfo", "tcb_info", "tcbInfo", intel.collateral().tcbInfo],
  ["qeIdentity", "qe_identity", "enclaveIdentity", intel.collateral().qeIdentity],
] as const;

for (const [name, code, key, document] of DOCUMENTS) {
  const chain = `${name}IssuerChain`;
  const altered = document.slice();
  altered[altered.indexOf("7".charCodeAt(0))] = "8".charCodeAt(0);
  refuses(`${name} that is no JSON`, { collateral: { [name]: utf8("{") } }, `${name}.format: ${code}_format`);
  refuses(`${name} that was altered`, { collateral: { [name]: altered } }, `${name}.signature: ${code}_signature`);
  refuses(
    `${name} with the chain of another signer`,
    { collateral: { [chain]: pemChain(fakeSigner, root) } },
    `${chain}.chain: ${code}_chain_signature`,
  );
  refuses(`${name} without a chain`, { collateral: { [chain]: utf8("") } }, `${chain}.format: ${code}_chain_format`);
  refuses(
    `${name} whose signer stands alone`,
    { collateral: { [chain]: pemChain(intel.tcbSigning) } },
    `${chain}.format: ${code}_chain_count`,
  );
  refuses(
    `${name} that a platform signed`,
    { collateral: { [name]: signedAnswer(key, {}, intel.pck.keys), [chain]: pckAsSigner } },
    `${name}.format: ${code}_format`,
    `${chain}.chain: ${code}_chain_issuer_unknown`,
    `${chain}.subject: ${code}_chain_subject`,
  );
  refuses(
    `${name} of a signer of another name`,
    { collateral: { [chain]: pemChain(direct, root) } },
    `${chain}.subject: ${code}_chain_subject`,
  );
  refuses(
    `${name} of a signer with a key of another kind`,
    { collateral: { [chain]: pemChain(onAnotherCurve, root) } },
    `${name}.signature: ${code}_signature`,
  );
  refuses(
    `${name} before its time`,
    { says: { [name]: { issueDate: "2026-01-01T00:00:01Z" } } },
    `${name}.validity: ${code}_not_yet_valid`,
  );
  refuses(
    `${name} after its time`,
    { says: { [name]: { nextUpdate: "2025-12-31T23:59:59Z" } } },
    `${name}.validity: ${code}_expired`,
  );
}

refuses("TCB info about SGX", { says: { tcbInfo: { id: "SGX" } } }, "tcbInfo.id: tcb_info_id");
refuses(
  "TCB info about SGX, and the identity of its QE beside it",
  { says: { tcbInfo: { id: "SGX" }, qeIdentity: { id: "QE" } } },
  "tcbInfo.id: tcb_info_id",
  "qeIdentity.id: qe_identity_id",
);
refuses(
  "TCB info about other platforms",
  { says: { tcbInfo: { fmspc: "00906ED50000" } } },
  "tcbInfo.fmspc: tcb_info_fmspc",
);
refuses("TCB info about another PCE", { says: { tcbInfo: { pceId: "0001" } } }, "tcbInfo.pceId: tcb_info_pce_id");
refuses("the identity of the SGX QE", { says: { qeIdentity: { id: "QE" } } }, "qeIdentity.id: qe_identity_id");
test("verifyQuote() judges no levels but those of this platform and its enclave", () => {
  for (const says of [{ tcbInfo: { fmspc: "00906ED50000" } }, { qeIdentity: { id: "QE" } }]) {
    const codes = verify({ says }).checks.flatMap((check) =>
      check.name.startsWith("tcb.") && check.outcome === "fail" ? [check.code] : [],
    );
    assert.deepEqual(codes, ["not_checked", "not_checked", "not_checked"]);
  }
});

// Identity of the QE and the TDX module

refuses(
  "another signer's enclave",
  { quote: { qeReport: { MRSIGNER: new Uint8Array(32) } } },
  "qeReport.MRSIGNER: qe_mrsigner",
);
refuses("another enclave of Intel's", { quote: { qeReport: { ISVPRODID: 1 } } }, "qeReport.ISVPRODID: qe_isvprodid");
refuses(
  "a QE that leaves more to see",
  { quote: { qeReport: { MISCSELECT: Uint8Array.of(1, 0, 0, 0) } } },
  "qeReport.MISCSELECT: qe_miscselect",
);
refuses(
  "a debug QE",
  { quote: { qeReport: { ATTRIBUTES: fromHex("1700000000000000e700000000000000") } } },
  "qeReport.ATTRIBUTES: qe_attributes",
);
test("verifyQuote() says what it wants of the QE, and under which mask", () => {
  const wanted = new Map(verify().checks.map((check) => [check.name, check.wanted]));
  assert.equal(wanted.get("qeReport.MISCSELECT"), "00000000 under mask ffffffff");
  const attributes = "11000000000000000000000000000000 under mask fbffffffffffffff0000000000000000";
  assert.equal(wanted.get("qeReport.ATTRIBUTES"), attributes);
});
refuses(
  "a TDX module of a version that Intel does not list",
  { quote: { body: { TEE_TCB_SVN: fromHex("06020300000000000000000000000000") } } },
  "tdxModule.id: tdx_module_unknown",
);
refuses(
  "a TDX module that Intel did not sign",
  { quote: { body: { MRSIGNERSEAM: new Uint8Array(48).fill(1) } } },
  "tdxModule.mrsigner: tdx_module_mrsigner",
);
refuses(
  "a debug TDX module",
  { quote: { body: { SEAMATTRIBUTES: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0) } } },
  "tdxModule.attributes: tdx_module_attributes",
);
const oldModule = { TEE_TCB_SVN: fromHex("05000300000000000000000000000000") };
refuses(
  "a TDX module of version 0 that Intel did not sign",
  { quote: { body: oldModule }, says: { tcbInfo: { tdxModule: { ...INTEL_MODULE, mrsigner: "11".repeat(48) } } } },
  "tdxModule.mrsigner: tdx_module_mrsigner",
);
test("verifyQuote() judges a TDX module of version 0 by the platform's levels", () => {
  const spoilt = { quote: { body: oldModule }, says: { tcbInfo: { tdxModuleIdentities: [] } } };
  const { checks, tcb } = verifyGenuineFake(intel, spoilt);
  assert.ok(checks.every(({ outcome }) => outcome === "pass"));
  assert.equal(tcb?.tdxModule, undefined);
  assert.equal(tcb?.tcbStatus, "UpToDate");
});

// Levels

const lowPck = await issueCertificate({
  ...pckRequest(platformCa),
  sgxExtensions: sgxExtensions({ ...FAKE_PCK, PCESVN: 4 }),
});
const lowPlatform = { pckKeys: lowPck.keys, pckCertificateChain: intel.pckChain(lowPck) };
refuses("a platform below every level", { quote: lowPlatform }, "tcb.platform: platform_tcb_level");
refuses(
  "a TDX module below every level",
  { quote: { body: { TEE_TCB_SVN: fromHex("01010300000000000000000000000000") } } },
  "tcb.tdxModule: tdx_module_tcb_level",
);
refuses("a QE below every level", { quote: { qeReport: { ISVSVN: 1 } } }, "tcb.qe: qe_tcb_level");
refuses(
  "TCB info without levels",
  { says: { tcbInfo: { tcbLevels: [] }, qeIdentity: { tcbLevels: [] } } },
  "tcb.platform: platform_tcb_level",
  "tcb.qe: qe_tcb_level",
);
test("verifyQuote() says what a platform lacks that meets no level", () => {
  const found = verify({ quote: lowPlatform }).checks.find(({ name }) => name === "tcb.platform");
  assert.equal(found?.got, "pcesvn 4 of 13");
});
test("verifyQuote() leaves the judgement of a status to the policy", () => {
  const says = {
    tcbInfo: { tcbLevels: [platformLevel([0], 0, [0], "Revoked")] },
    qeIdentity: { tcbLevels: [isvSvnLevel(0)] },
  };
  assert.equal(verifyGenuineFake(intel, { says }).tcb?.tcbStatus, "Revoked");
});
