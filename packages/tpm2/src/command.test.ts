import assert from "node:assert/strict";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { describe, it } from "node:test";
import { fromHex, hex } from "@constellation/bytes";
import { parseResponse, serializeCommand } from "./command.ts";
import { startupCommand } from "./commands/administration.ts";
import { nvReadCommand } from "./commands/nv.ts";
import { pcrExtendCommand, pcrReadCommand } from "./commands/pcr.ts";
import { kdfa, kdfe, NO_CONTEXT } from "./kdf.ts";
import { makeCredential } from "./make-credential.ts";
import { selectPcrs } from "./pcr-selection.ts";
import { describeResponseCode, responseError } from "./response-code.ts";
import { AK_TEMPLATE, EK_TEMPLATE } from "./templates.ts";
import { Tpm } from "./tpm.ts";

const READ = nvReadCommand({ handle: 0x01c0000a, auth: new Uint8Array(0) }, 0x01c0000a, 4, 0);

describe("serializeCommand()", () => {
  it("marshals a command without authorisation", () => {
    assert.equal(hex(serializeCommand(startupCommand(0))), "80010000000c000001440000");
  });

  it("marshals handles, authorisation area and parameters", () => {
    const wanted = `8002000000230000014e01c0000a01c0000a0000000940000009000001000000040000`;
    assert.equal(hex(serializeCommand(READ)), wanted);
  });
});

describe("parseResponse()", () => {
  const good = fromHex("8002000000190000000000000006000411223344000001" + "0000");

  it("reads the parameters of a successful answer", () => {
    assert.equal(hex(parseResponse(READ, good)), "11223344");
  });

  it("refuses answers that are cut, too long, state another size, or carry another tag", () => {
    const cases: [Uint8Array, string][] = [
      [good.subarray(0, -1), "malformed"],
      [good.subarray(0, 8), "malformed"],
      [new Uint8Array(0), "malformed"],
      [Uint8Array.of(...good, 0), "malformed"],
      [Uint8Array.from(good).fill(0x1a, 5, 6), "malformed"],
      [Uint8Array.from(good).fill(0x01, 1, 2), "protocol"],
      [Uint8Array.from(good).fill(0x05, 15, 16), "malformed"],
      [Uint8Array.from(good).fill(0x03, 15, 16), "malformed"],
    ];
    for (const [answer, code] of cases) assert.throws(() => parseResponse(READ, answer), { name: "TpmError", code });
  });

  it("puts the TPM's refusal into words", () => {
    assert.throws(() => parseResponse(READ, fromHex("80010000000a00000149")), {
      code: "response",
      responseCode: 0x149,
      responseName: "TPM_RC_NV_AUTHORIZATION",
      message:
        "TPM2_NV_Read failed: got TPM_RC_NV_AUTHORIZATION (0x149): this authorisation does not allow the access to the NV index",
    });
  });
});

describe("describeResponseCode()", () => {
  it("names what the code is about", () => {
    assert.deepEqual(describeResponseCode(0x1d5), {
      name: "TPM_RC_SIZE",
      words: "the size is wrong",
      subject: "parameter 1",
    });
    assert.equal(describeResponseCode(0x98e).subject, "session 1");
    assert.equal(describeResponseCode(0x28b).subject, "handle 2");
    assert.equal(describeResponseCode(0x921).name, "TPM_RC_LOCKOUT");
    assert.equal(describeResponseCode(0x7f).name, "TPM_RC_UNKNOWN");
  });

  it("has words for a code nobody knows", () => {
    assert.match(responseError("TPM2_Quote", 0x1bf).message, /^TPM2_Quote failed: got TPM_RC_UNKNOWN \(0x1bf/u);
  });
});

describe("pcrReadCommand()", () => {
  it("refuses an answer with fewer values than PCRs", () => {
    const answer = fromHex("80010000001c00000000" + "00000001" + "00000001000b03030000" + "00000000");
    assert.throws(() => parseResponse(pcrReadCommand(selectPcrs([0, 1])), answer), { code: "protocol" });
  });
});

describe("pcrExtendCommand()", () => {
  it("refuses a digest of another size", () => {
    assert.throws(() => pcrExtendCommand(15, new Uint8Array(20)), { code: "malformed" });
  });
});

describe("Tpm.pcrRead()", () => {
  it("starts over when a PCR changed between two answers, and gives up in the end", async () => {
    let counter = 0;
    const transport = {
      transmit: (): Promise<Uint8Array> => {
        const value = "0020" + "11".repeat(32);
        const body = `${(++counter).toString(16).padStart(8, "0")}00000001000b03010000` + `00000001${value}`;
        const size = (10 + body.length / 2).toString(16).padStart(8, "0");
        return Promise.resolve(fromHex(`8001${size}00000000${body}`));
      },
    };
    await assert.rejects(new Tpm(transport).pcrRead([0, 1]), { code: "protocol" });
    assert.ok(counter > 2);
  });
});

describe("kdfa() and kdfe()", () => {
  it("hash counter, label with its zero, contexts, and for KDFa the length", () => {
    const key = Buffer.from("key");
    const block = Buffer.from("00000001" + Buffer.from("LABEL\0uv").toString("hex") + "00000080", "hex");
    const wanted = createHmac("sha256", key).update(block).digest("hex").slice(0, 32);
    assert.equal(hex(kdfa(key, "LABEL", Buffer.from("u"), Buffer.from("v"), 128)), wanted);
    const z = createHash("sha256").update(Buffer.from("00000001", "hex")).update("zLABEL\0uv").digest("hex");
    assert.equal(hex(kdfe(Buffer.from("z"), "LABEL", Buffer.from("u"), Buffer.from("v"), 256)), z);
  });

  it("refuse more than one block", () => {
    assert.throws(() => kdfa(NO_CONTEXT, "L", NO_CONTEXT, NO_CONTEXT, 264), RangeError);
  });
});

describe("makeCredential()", () => {
  const random = (size: number): Uint8Array => randomBytes(size);
  const akName = new Uint8Array(34);

  it("refuses keys that are no P-256 endorsement key, and secrets of other sizes", () => {
    const secret = new Uint8Array(32);
    assert.throws(() => makeCredential({ ekPublic: AK_TEMPLATE, akName, secret, random }), { code: "key" });
    assert.throws(
      () => makeCredential({ ekPublic: EK_TEMPLATE, akName, secret, random }),
      { code: "key" },
      "not a point",
    );
    for (const size of [0, 33]) {
      const wrong = new Uint8Array(size);
      assert.throws(() => makeCredential({ ekPublic: EK_TEMPLATE, akName, secret: wrong, random }), {
        code: "malformed",
      });
    }
  });

  it("gives up on a source of randomness that never gives a key", () => {
    const broken = (size: number): Uint8Array => new Uint8Array(size);
    const secret = new Uint8Array(32);
    assert.throws(() => makeCredential({ ekPublic: EK_TEMPLATE, akName, secret, random: broken }), { code: "key" });
  });
});
