import assert from "node:assert/strict";
import { test } from "node:test";
import { oid, seq, set, text } from "@constellation/der/testing/der-writer";
import { parseCertificate } from "@constellation/x509";
import { readEndorsement } from "./endorsement.ts";
import { FakeAmd } from "./testing/fake-amd.ts";
import { verifyIssuers } from "./verify-endorsement.ts";

const milan = new FakeAmd("Milan");
const [ask, ark] = [milan.ask, milan.ark].map(parseCertificate);
const endorsement = readEndorsement(parseCertificate(milan.issueVcek().certificate));
assert.ok(ask && ark);

test("verifyIssuers() wants the ASK and the ARK of the product line, in this order and alone", () => {
  const leaf = endorsement.certificate;
  assert.equal(verifyIssuers(endorsement, [leaf, ask, ark]).outcome, "pass");
  for (const chain of [
    [leaf],
    [leaf, ark],
    [leaf, ask],
    [leaf, ark, ask],
    [leaf, ask, ask, ark],
    [leaf, ask, ark, ark],
  ]) {
    assert.equal(verifyIssuers(endorsement, chain).outcome, "fail");
  }
});

test("verifyIssuers() refuses one issuer that has the names of two", () => {
  const both = "SEV-Milan, ARK-Milan";
  const subject = { der: seq(set(seq(oid("2.5.4.3"), text(both)))), text: both };
  const { outcome } = verifyIssuers(endorsement, [endorsement.certificate, { ...ark, subject }]);
  assert.equal(outcome, "fail");
});

test("verifyIssuers() refuses an issuer without a common name", () => {
  const nameless = { ...ask, subject: { der: seq(), text: "SEV-Milan" } };
  assert.deepEqual(verifyIssuers(endorsement, [endorsement.certificate, nameless, ark]), {
    name: "caChain.issuers",
    outcome: "fail",
    speaksFor: "hardware.genuine",
    code: "ca_chain_profile",
    got: "no single common name, ARK-Milan",
    wanted: "SEV-Milan, ARK-Milan",
  });
});
