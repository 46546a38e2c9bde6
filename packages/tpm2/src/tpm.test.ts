import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { hex } from "@constellation/bytes";
import { findSwtpm, Swtpm } from "@constellation/testkit";
import { parseQuoteAttest } from "./attest.ts";
import { NV_PLATFORM_READABLE } from "./commands/nv.ts";
import type { PrimaryObject } from "./commands/objects.ts";
import { TPM_ALG, TPM_CAP, TPM_RH, TPMA_NV } from "./constants.ts";
import { makeCredential } from "./make-credential.ts";
import { selectedPcrs, selectPcrs } from "./pcr-selection.ts";
import { tpmPublicToSpki } from "./spki.ts";
import { AK_TEMPLATE, EK_TEMPLATE } from "./templates.ts";
import { Tpm } from "./tpm.ts";
import { verifyQuote } from "./verify-quote.ts";

const ALL_PCRS = Array.from({ length: 16 }, (_, index) => index);
const NV_INDEX = 0x01c0000a;

async function started(): Promise<{ swtpm: Swtpm; tpm: Tpm }> {
  const swtpm = await Swtpm.start();
  const tpm = new Tpm(swtpm.transport);
  await tpm.startup();
  return { swtpm, tpm };
}

async function keys(tpm: Tpm): Promise<{ ek: PrimaryObject; ak: PrimaryObject }> {
  const ek = await tpm.createPrimary(TPM_RH.ENDORSEMENT, EK_TEMPLATE);
  const ak = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
  return { ek, ak };
}

function random(size: number): Uint8Array {
  return randomBytes(size);
}

describe("Tpm with a real swtpm", { skip: findSwtpm() === undefined && "no swtpm on this machine" }, () => {
  let swtpm: Swtpm;
  let tpm: Tpm;

  before(async () => {
    ({ swtpm, tpm } = await started());
  });
  after(() => swtpm.stop());

  it("createPrimary() makes the same EK and AK after a power cycle, and other ones in another TPM", async () => {
    const first = await keys(tpm);
    await swtpm.powerCycle();
    await tpm.startup();
    const second = await keys(tpm);
    assert.deepEqual(second.ek.public, first.ek.public);
    assert.deepEqual(second.ak.public, first.ak.public);
    assert.notDeepEqual(tpmPublicToSpki(first.ek.public), tpmPublicToSpki(first.ak.public));
    await flush(tpm, second);

    const other = await started();
    try {
      const foreign = await keys(other.tpm);
      assert.notDeepEqual(foreign.ek.public, first.ek.public);
      assert.notDeepEqual(foreign.ak.public, first.ak.public);
    } finally {
      await other.swtpm.stop();
    }
  });

  it("createPrimary() keeps the AK over TPM2_Clear", async () => {
    const before = await keys(tpm);
    await tpm.clear();
    const after = await keys(tpm);
    assert.deepEqual(after.ak.name, before.ak.name);
    await flush(tpm, after);
  });

  it("readPublic() gives the public area and name of a loaded key", async () => {
    const { ek, ak } = await keys(tpm);
    assert.deepEqual(await tpm.readPublic(ak.handle), { public: ak.public, name: ak.name });
    await flush(tpm, { ek, ak });
  });

  it("activateCredential() recovers the secret made for this EK and AK", async () => {
    const { ek, ak } = await keys(tpm);
    for (const size of [1, 20, 32]) {
      const secret = randomBytes(size);
      const credential = makeCredential({ ekPublic: ek.public, akName: ak.name, secret, random });
      const got = await tpm.activateCredential({ akHandle: ak.handle, ekHandle: ek.handle }, credential);
      assert.equal(hex(got), hex(secret));
    }
    await flush(tpm, { ek, ak });
  });

  it("activateCredential() refuses a credential for another TPM's EK or another AK, and leaks no session", async () => {
    const { ek, ak } = await keys(tpm);
    const other = await started();
    try {
      const foreign = await keys(other.tpm);
      const secret = randomBytes(32);
      const handles = { akHandle: ak.handle, ekHandle: ek.handle };
      const wrongs = [
        makeCredential({ ekPublic: foreign.ek.public, akName: ak.name, secret, random }),
        makeCredential({ ekPublic: ek.public, akName: foreign.ak.name, secret, random }),
      ];
      for (let round = 0; round < 8; round++) {
        for (const wrong of wrongs) {
          await assert.rejects(tpm.activateCredential(handles, wrong), { name: "TpmError", code: "response" });
        }
      }
      const sessions = await tpm.getCapability(TPM_CAP.HANDLES, 0x02000000, 64);
      assert.deepEqual(sessions, { capability: TPM_CAP.HANDLES, moreData: false, handles: [] });
    } finally {
      await other.swtpm.stop();
    }
    await flush(tpm, { ek, ak });
  });

  it("pcrExtend() and pcrRead() follow the extend formula", async () => {
    const digest = createHash("sha256").update("cluster").digest();
    const before = (await tpm.pcrRead([15])).get(15) as Uint8Array;
    await tpm.pcrExtend(15, digest);
    const after = (await tpm.pcrRead([15])).get(15) as Uint8Array;
    assert.equal(hex(after), createHash("sha256").update(before).update(digest).digest("hex"));
  });

  it("pcrRead() reads more PCRs than one answer holds, in order", async () => {
    const values = await tpm.pcrRead(ALL_PCRS);
    assert.deepEqual(
      [...values.keys()].sort((a, b) => a - b),
      ALL_PCRS,
    );
  });

  it("quote() gives a quote that verifyQuote() accepts", async () => {
    const { ek, ak } = await keys(tpm);
    const qualifyingData = randomBytes(32);
    const { quoted, signature } = await tpm.quote(ak.handle, qualifyingData, ALL_PCRS);
    const pcrs = await tpm.pcrRead(ALL_PCRS);
    const quote = verifyQuote({ akPublic: ak.public, quote: quoted, signature, qualifyingData, pcrs });
    assert.deepEqual(quote, parseQuoteAttest(quoted));
    assert.deepEqual(quote.pcrSelect.map(selectedPcrs), [ALL_PCRS]);
    await flush(tpm, { ek, ak });
  });

  it("quote() is refused with another nonce, changed PCRs, other PCRs, a changed byte, or another key", async () => {
    const { ek, ak } = await keys(tpm);
    const qualifyingData = randomBytes(32);
    const { quoted, signature } = await tpm.quote(ak.handle, qualifyingData, ALL_PCRS);
    const good = { akPublic: ak.public, quote: quoted, signature, qualifyingData, pcrs: await tpm.pcrRead(ALL_PCRS) };
    const changed = new Map(good.pcrs).set(4, new Uint8Array(32));
    const fewer = new Map([...good.pcrs].filter(([index]) => index !== 7));
    const flipped = Uint8Array.from(quoted);
    flipped[60] = (flipped[60] ?? 0) ^ 1;
    const cases = [
      [{ qualifyingData: randomBytes(32) }, "quote_nonce"],
      [{ qualifyingData: qualifyingData.subarray(1) }, "quote_nonce"],
      [{ pcrs: changed.set(4, randomBytes(32)) }, "quote_pcr_digest"],
      [{ pcrs: fewer }, "quote_pcr_selection"],
      [{ pcrs: new Map() }, "quote_pcr_selection"],
      [{ quote: flipped }, "quote_signature"],
      [{ akPublic: ek.public }, "ak_attributes"],
      [{ signature: signature.subarray(0, -1) }, "malformed"],
      [{ signature: Uint8Array.of(...signature, 0) }, "malformed"],
    ] as const;
    for (const [change, code] of cases)
      assert.throws(() => verifyQuote({ ...good, ...change }), { name: "TpmError", code });
    await flush(tpm, { ek, ak });
  });

  it("nvWrite() by the platform is what nvRead() gives to anyone", async () => {
    const data = randomBytes(1300);
    await tpm.nvDefineSpace({ nvIndex: NV_INDEX, sizeBytes: data.length });
    await tpm.nvWrite(NV_INDEX, data);
    assert.equal(hex(await tpm.nvRead(NV_INDEX)), hex(data));
    assert.equal(hex(await tpm.nvRead(NV_INDEX, { handle: TPM_RH.OWNER })), hex(data));
    const area = await tpm.nvReadPublic(NV_INDEX);
    assert.equal(area.attributes, NV_PLATFORM_READABLE | TPMA_NV.WRITTEN);
    assert.equal(area.dataSizeBytes, data.length);

    await assert.rejects(tpm.nvWrite(NV_INDEX, data, { handle: TPM_RH.OWNER }), {
      responseName: "TPM_RC_NV_AUTHORIZATION",
    });
    await assert.rejects(tpm.nvUndefine(NV_INDEX, { handle: TPM_RH.OWNER }), {
      responseName: "TPM_RC_NV_AUTHORIZATION",
    });
    await assert.rejects(tpm.nvDefineSpace({ nvIndex: NV_INDEX, sizeBytes: 1 }), { responseName: "TPM_RC_NV_DEFINED" });

    await swtpm.powerCycle();
    await tpm.startup();
    await tpm.clear();
    assert.equal(hex(await tpm.nvRead(NV_INDEX)), hex(data), "platform indices outlive TPM2_Clear");
    await tpm.nvUndefine(NV_INDEX);
    await assert.rejects(tpm.nvRead(NV_INDEX), {
      message:
        "TPM2_NV_ReadPublic failed: got TPM_RC_HANDLE (0x18b, handle 1): the handle does not exist or is not right here",
    });
  });

  it("pcrAllocate() leaves the SHA-256 bank only after the next reset", async () => {
    const none = { pcrSelect: new Uint8Array(3) };
    const banks = [TPM_ALG.SHA1, TPM_ALG.SHA384, TPM_ALG.SHA512].map((hash) => ({ hash, ...none }));
    const all = Array.from({ length: 24 }, (_, index) => index);
    const allocation = await tpm.pcrAllocate([...banks, selectPcrs(all)]);
    assert.equal(allocation.success, true);
    await tpm.shutdown();
    await swtpm.powerCycle();
    await tpm.startup();
    const answer = await tpm.getCapability(TPM_CAP.PCRS, 0, 1);
    assert.ok(answer.capability === TPM_CAP.PCRS);
    const active = answer.assignedPcr.filter((bank) => selectedPcrs(bank).length > 0);
    assert.deepEqual(active, [selectPcrs(all)]);
  });

  it("transmits nothing once its signal is aborted", async () => {
    await assert.rejects(tpm.pcrRead([0], AbortSignal.abort()), { name: "AbortError" });
  });
});

async function flush(tpm: Tpm, { ek, ak }: { ek: PrimaryObject; ak: PrimaryObject }): Promise<void> {
  await tpm.flushContext(ek.handle);
  await tpm.flushContext(ak.handle);
}
