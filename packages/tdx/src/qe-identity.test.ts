import assert from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8, hex } from "@constellation/bytes";
import { fakeQeIdentity, isvSvnLevel, type Json, newKeys, signedAnswer } from "./testing/index.ts";
import { parseQeIdentity, TdxError } from "./index.ts";

const keys = newKeys();
const answer = (object: Json) => signedAnswer("enclaveIdentity", object, keys);

test("parseQeIdentity() reads an enclave identity", () => {
  const identity = parseQeIdentity(answer({ ...fakeQeIdentity(), later: 1 }));
  assert.deepEqual([identity.id, identity.version, identity.tcbEvaluationDataNumber], ["TD_QE", 2, 17]);
  assert.deepEqual([hex(identity.miscselect), hex(identity.miscselectMask)], ["00000000", "ffffffff"]);
  assert.equal(hex(identity.attributes), "11000000000000000000000000000000");
  assert.equal(hex(identity.attributesMask), "fbffffffffffffff0000000000000000");
  assert.equal(hex(identity.mrsigner), "dc".repeat(32));
  assert.equal(identity.isvprodid, 2);
  assert.deepEqual(
    identity.tcbLevels.map(({ isvsvn, tcbStatus }) => [isvsvn, tcbStatus]),
    [
      [6, "UpToDate"],
      [4, "OutOfDate"],
      [2, "Revoked"],
    ],
  );
  assert.equal(fromUtf8(identity.signed), JSON.stringify({ ...fakeQeIdentity(), later: 1 }));
});

test("parseQeIdentity() refuses members of another form", () => {
  const wrong: Json[] = [
    { id: "TDQE" },
    { version: 1 },
    { issueDate: null },
    { nextUpdate: "tomorrow" },
    { tcbEvaluationDataNumber: null },
    { miscselect: "0000000000" },
    { miscselectMask: 1 },
    { attributes: "11" },
    { attributesMask: undefined },
    { mrsigner: "dc".repeat(31) },
    { isvprodid: 0x10000 },
    { tcbLevels: null },
    { tcbLevels: [{ ...isvSvnLevel(1), tcb: {} }] },
    { tcbLevels: [isvSvnLevel(0x10000)] },
    { tcbLevels: [isvSvnLevel(1, "New")] },
  ];
  for (const change of wrong) {
    assert.throws(
      () => parseQeIdentity(answer({ ...fakeQeIdentity(), ...change })),
      (error) => error instanceof TdxError && error.code === "qe_identity_format",
      JSON.stringify(change),
    );
  }
});
