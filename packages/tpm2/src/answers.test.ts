import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { concat } from "@constellation/bytes";
import { TPM_ALG, TPM_CAP } from "./constants.ts";
import { selectPcrs, serializePcrSelections } from "./pcr-selection.ts";
import { serializePublic } from "./public-area.ts";
import { AK_TEMPLATE } from "./templates.ts";
import { Tpm } from "./tpm.ts";
import { Writer } from "./writer.ts";

const TPM_ST_NO_SESSIONS = 0x8001;
const TPM_ST_SESSIONS = 0x8002;

/** A TPM that gives these answers, one after the other, whatever it is asked. */
function answering(...answers: readonly Uint8Array[]): Tpm {
  const left = [...answers];
  return new Tpm({ transmit: async () => left.shift() ?? assert.fail("no answer is left") });
}

/** An answer that reports success. */
function answer(parameters: Uint8Array): Uint8Array {
  return new Writer()
    .u16(TPM_ST_NO_SESSIONS)
    .u32(10 + parameters.length)
    .u32(0)
    .bytes(parameters)
    .finish();
}

/** The same to a command with a password. */
function authorisedAnswer(parameters: Uint8Array): Uint8Array {
  const authorisation = new Writer().sized(new Uint8Array()).u8(1).sized(new Uint8Array()).finish();
  const sized = new Writer().u32(parameters.length).bytes(parameters).bytes(authorisation).finish();
  return new Writer()
    .u16(TPM_ST_SESSIONS)
    .u32(10 + sized.length)
    .u32(0)
    .bytes(sized)
    .finish();
}

describe("Tpm and a TPM that answers something else", () => {
  const capability = (asked: number, answered: number, rest: Uint8Array) =>
    answering(answer(new Writer().u8(0).u32(answered).bytes(rest).finish())).getCapability(asked, 0, 1);
  const count = (value: number) => new Writer().u32(value).finish();

  it("getCapability() refuses another capability, one it does not read, and too long a list", async () => {
    await assert.rejects(capability(TPM_CAP.PCRS, TPM_CAP.HANDLES, count(0)), { code: "protocol" });
    await assert.rejects(capability(0, 0, count(0)), {
      code: "unsupported",
      message: /got capability "0", wanted 1, 5 or 6/,
    });
    await assert.rejects(capability(TPM_CAP.HANDLES, TPM_CAP.HANDLES, count(4097)), { code: "malformed" });
  });

  it("getCapability() gives handles, PCR banks and properties", async () => {
    const handles = new Writer().u32(1).u32(0x81000001).finish();
    const properties = new Writer().u32(1).u32(5).u32(6).finish();
    const banks = [selectPcrs([0])];
    assert.deepEqual(await capability(TPM_CAP.HANDLES, TPM_CAP.HANDLES, handles), {
      moreData: false,
      capability: TPM_CAP.HANDLES,
      handles: [0x81000001],
    });
    assert.deepEqual(await capability(TPM_CAP.TPM_PROPERTIES, TPM_CAP.TPM_PROPERTIES, properties), {
      moreData: false,
      capability: TPM_CAP.TPM_PROPERTIES,
      properties: new Map([[5, 6]]),
    });
    assert.deepEqual(await capability(TPM_CAP.PCRS, TPM_CAP.PCRS, serializePcrSelections(banks)), {
      moreData: false,
      capability: TPM_CAP.PCRS,
      assignedPcr: banks,
    });
  });

  it("readPublic() refuses a name that is not the object's", async () => {
    const area = serializePublic(AK_TEMPLATE);
    const name = new Writer().u16(TPM_ALG.SHA256).bytes(new Uint8Array(32)).finish();
    const tpm = answering(answer(new Writer().sized(area).sized(name).sized(name).finish()));
    await assert.rejects(tpm.readPublic(0x81000001), { code: "protocol", message: /name for the object is not that/ });
  });

  const pcrAnswer = (updateCounter: number, selected: readonly number[], values: Uint8Array) =>
    answer(concat(count(updateCounter), serializePcrSelections([selectPcrs(selected)]), values));
  const oneValue = new Writer().u32(1).sized(new Uint8Array(32)).finish();

  it("pcrRead() refuses more values than there can be, none, and registers that never hold still", async () => {
    await assert.rejects(answering(pcrAnswer(0, [0], count(9))).pcrRead([0]), { code: "malformed" });
    await assert.rejects(answering(pcrAnswer(0, [], count(0))).pcrRead([3]), {
      code: "protocol",
      message: /the SHA-256 bank has no PCR 3/,
    });
    const restless = Array.from({ length: 32 }, (_, round) => pcrAnswer(round, [round % 2], oneValue));
    await assert.rejects(answering(...restless).pcrRead([0, 1]), { code: "protocol", message: /changing PCRs in 32/ });
  });

  it("pcrRead() keeps values of the same moment", async () => {
    const tpm = answering(pcrAnswer(7, [0], oneValue), pcrAnswer(7, [1], oneValue));
    assert.deepEqual([...(await tpm.pcrRead([0, 1])).keys()], [0, 1]);
  });

  it("nvRead() refuses fewer bytes than it asked for", async () => {
    const index = 0x01c00002;
    const area = new Writer().u32(index).u16(TPM_ALG.SHA256).u32(0).sized(new Uint8Array()).u16(4).finish();
    const name = new Writer().u16(TPM_ALG.SHA256).bytes(new Uint8Array(32)).finish();
    const described = answer(new Writer().sized(area).sized(name).finish());
    const short = authorisedAnswer(new Writer().sized(new Uint8Array(3)).finish());
    await assert.rejects(answering(described, short).nvRead(index), {
      code: "protocol",
      message: /got 3 bytes, wanted 4/,
    });
  });
});

describe("Writer", () => {
  it("refuses numbers that do not fit", () => {
    for (const value of [-1, 256, 0.5]) {
      assert.throws(() => new Writer().u8(value), { code: "malformed", message: /wanted 8 unsigned bits/ });
    }
    assert.throws(() => new Writer().u16(65_536), { code: "malformed" });
  });
});
