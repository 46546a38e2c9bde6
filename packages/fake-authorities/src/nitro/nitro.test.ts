import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeNitro } from "@constellation/evidence";
import { FAKE_NOW, FakeNitro, FakeNitroInstance, pinnedNitroPolicy } from "../index.ts";

const nitro = new FakeNitro();

test("FakeNitroInstance makes genuine documents of both kinds", () => {
  for (const kind of ["enclave", "nitrotpm"] as const) {
    const publicKey = Uint8Array.of(1, 2, 3);
    const instance = new FakeNitroInstance(nitro, kind, { public_key: publicKey, user_data: null });
    const nonce = new Uint8Array(64).fill(1);
    const { document, ...issuers } = pinnedNitroPolicy(nitro, instance.document());
    assert.deepEqual(document.publicKey, { kind: "equal", anyOf: [publicKey] });
    assert.deepEqual(document.userData, { kind: "absent" });
    const policy = { ...issuers, document: { ...document, nonce: { kind: "equal", anyOf: [nonce] } as const } };
    const { checks } = judgeNitro(instance.document({ nonce }), policy, FAKE_NOW);
    assert.deepEqual(
      checks.filter(({ outcome }) => outcome !== "pass"),
      [],
    );
  }
});
