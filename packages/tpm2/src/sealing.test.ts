import assert from "node:assert/strict";
import { Decipheriv, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { findSwtpm, Swtpm } from "@constellation/testkit";
import { TpmError, type TpmErrorCode } from "./error.ts";
import { TPM_ALG } from "./constants.ts";
import { computeName } from "./name.ts";
import { parsePublic, serializePublic } from "./public-area.ts";
import { sealToPcrs, unsealFromPcrs } from "./sealing.ts";
import { Tpm, type TpmTransport } from "./tpm.ts";
import { Writer } from "./writer.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, index) => 100 + index);
const PCRS = [4, 8, 9, 11, 12, 13, 14, 15];
const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
const EMPTY = new Uint8Array(0);
const TPM_CC_FLUSH_CONTEXT = 0x65;
const skip = findSwtpm() === undefined ? "no swtpm on this machine" : false;

const coded =
  (code: TpmErrorCode, responseName?: string) =>
  (error: unknown): true => {
    assert.ok(error instanceof TpmError, String(error));
    assert.deepEqual([error.code, error.responseName], [code, responseName]);
    return true;
  };

describe("sealing, on a real software TPM", { skip }, () => {
  let swtpm: Swtpm;
  let tpm: Tpm;

  before(async () => {
    swtpm = await Swtpm.start();
    tpm = new Tpm(swtpm.transport);
    await boot();
  });
  after(() => swtpm.stop());

  /** Changes the answers to one command, by the last byte of its code. */
  function changing(code: number, change: (answer: Uint8Array) => void): TpmTransport {
    return {
      async transmit(command, signal) {
        const answer = Uint8Array.from(await swtpm.transport.transmit(command, signal));
        if (command[9] === code) change(answer);
        return answer;
      },
    };
  }

  async function boot(measured = 1): Promise<void> {
    await tpm.startup();
    await tpm.pcrExtend(4, new Uint8Array(32).fill(measured));
    await tpm.pcrExtend(9, new Uint8Array(32).fill(2));
  }

  const options = async (transport: TpmTransport = swtpm.transport) => ({
    transport,
    random,
    pcrs: await tpm.pcrRead(PCRS),
  });

  test("unsealFromPcrs() gives back what sealToPcrs() sealed, also after a reboot of the same image", async () => {
    const { signal } = new AbortController();
    const sealed = await sealToPcrs(SECRET, await options(), signal);
    assert.deepEqual(await unsealFromPcrs(sealed, await options(), signal), SECRET);
    await swtpm.powerCycle();
    await boot();
    assert.deepEqual(await unsealFromPcrs(sealed, await options()), SECRET);
    // No handle or session stays behind: a TPM has room for three.
    for (let count = 0; count < 8; count++) await unsealFromPcrs(sealed, await options());
  });

  test("unsealFromPcrs() gives the only copy of the secret, for the caller to overwrite", async (context) => {
    const sealed = await sealToPcrs(SECRET, await options());
    const pieces: Uint8Array[] = [];
    type Update = (this: Decipheriv, data: Uint8Array) => Uint8Array;
    const update = Reflect.get(Decipheriv.prototype, "update") as Update;
    context.after(() => void Reflect.set(Decipheriv.prototype, "update", update));
    Reflect.set(Decipheriv.prototype, "update", function (this: Decipheriv, data: Uint8Array) {
      const piece = update.call(this, data);
      pieces.push(piece);
      return piece;
    });
    const secret = await unsealFromPcrs(sealed, await options());
    assert.deepEqual(secret, SECRET);
    secret.fill(0);
    assert.equal(pieces.length, 1);
    assert.ok(pieces.every((piece) => piece.every((byte) => byte === 0)));
  });

  test("sealToPcrs() seals to values that the PCRs do not have now", async () => {
    const { pcrs, ...rest } = await options();
    await tpm.pcrExtend(15, new Uint8Array(32).fill(5));
    const sealed = await sealToPcrs(SECRET, { ...rest, pcrs });
    await assert.rejects(unsealFromPcrs(sealed, await options()), coded("sealed_policy"));
    // Who leaves the comparison out is refused by the TPM itself.
    await assert.rejects(unsealFromPcrs(sealed, { ...rest, pcrs }), coded("response", "TPM_RC_POLICY_FAIL"));
    await swtpm.powerCycle();
    await boot();
    assert.deepEqual(await unsealFromPcrs(sealed, await options()), SECRET);
  });

  test("unsealFromPcrs() refuses another image", async () => {
    const { pcrs, ...rest } = await options();
    const sealed = await sealToPcrs(SECRET, { ...rest, pcrs });
    await swtpm.powerCycle();
    await boot(7);
    await assert.rejects(unsealFromPcrs(sealed, await options()), coded("sealed_policy"));
    await assert.rejects(unsealFromPcrs(sealed, { ...rest, pcrs }), coded("response", "TPM_RC_POLICY_FAIL"));
    await swtpm.powerCycle();
    await boot();
  });

  test("unsealFromPcrs() refuses an object of another TPM, and one with a changed bit", async () => {
    const sealed = await sealToPcrs(SECRET, await options());
    const other = await Swtpm.start();
    try {
      await new Tpm(other.transport).startup();
      await assert.rejects(
        unsealFromPcrs(sealed, await options(other.transport)),
        coded("response", "TPM_RC_INTEGRITY"),
      );
    } finally {
      await other.stop();
    }
    const flipped = (area: Uint8Array, at: number): Uint8Array =>
      area.map((byte, index) => (index === at ? byte ^ 1 : byte));
    for (let at = 0; at < sealed.publicArea.length; at++) {
      const publicArea = flipped(sealed.publicArea, at);
      await assert.rejects(unsealFromPcrs({ ...sealed, publicArea }, await options()), TpmError);
    }
    const last = sealed.privateArea.length - 1;
    for (const at of [0, 2, 40, last]) {
      const privateArea = flipped(sealed.privateArea, at);
      await assert.rejects(unsealFromPcrs({ ...sealed, privateArea }, await options()), TpmError);
    }
    assert.deepEqual(await unsealFromPcrs(sealed, await options()), SECRET);
  });

  test("sealing and unsealing show the secret to nobody who reads the bus", async () => {
    const seen: Uint8Array[] = [];
    const tapped: TpmTransport = {
      async transmit(command, signal) {
        const answer = await swtpm.transport.transmit(command, signal);
        seen.push(command, answer);
        return answer;
      },
    };
    const sealed = await sealToPcrs(SECRET, await options(tapped));
    assert.deepEqual(await unsealFromPcrs(sealed, await options(tapped)), SECRET);
    assert.equal(Buffer.concat(seen).includes(Buffer.from(SECRET.subarray(0, 8))), false);
  });

  test("unsealFromPcrs() refuses an answer that was changed on the bus", async () => {
    const sealed = await sealToPcrs(SECRET, await options());
    const tampering: TpmTransport = {
      async transmit(command, signal) {
        const answer = Uint8Array.from(await swtpm.transport.transmit(command, signal));
        // The encrypted secret: header, size of the parameters, size of the secret.
        if (command[9] === 0x5e && command[8] === 0x01) answer[16] = (answer[16] as number) ^ 1;
        return answer;
      },
    };
    await assert.rejects(unsealFromPcrs(sealed, await options(tampering)), coded("session"));
  });

  test("unsealFromPcrs() refuses a name that is not the object's, and an answer that states another length", async () => {
    const sealed = await sealToPcrs(SECRET, await options());
    // The last byte of the name is before the authorisation: an empty nonce, attributes, an empty HMAC.
    const renamed = changing(0x57, (answer) => (answer[answer.length - 6] = (answer[answer.length - 6] as number) ^ 1));
    await assert.rejects(unsealFromPcrs(sealed, await options(renamed)), coded("protocol"));
    const longer = changing(0x76, (answer) => (answer[5] = (answer[5] as number) + 1));
    await assert.rejects(unsealFromPcrs(sealed, await options(longer)), coded("malformed"));
    assert.deepEqual(await unsealFromPcrs(sealed, await options()), SECRET);
  });

  test("unsealFromPcrs() tells the first error where the TPM does not even flush", async () => {
    const sealed = await sealToPcrs(SECRET, await options());
    const broken: TpmTransport = {
      transmit: (command, signal) =>
        command[9] === TPM_CC_FLUSH_CONTEXT
          ? Promise.reject(new Error("gone"))
          : swtpm.transport.transmit(command, signal),
    };
    const { pcrs, ...rest } = await options(broken);
    const others = new Map(pcrs).set(4, new Uint8Array(32));
    await assert.rejects(unsealFromPcrs(sealed, { ...rest, pcrs: others }), coded("sealed_policy"));
    await tpm.pcrExtend(15, new Uint8Array(32).fill(5));
    await assert.rejects(unsealFromPcrs(sealed, { ...rest, pcrs }), coded("response", "TPM_RC_POLICY_FAIL"));
    await swtpm.powerCycle();
    await boot();
    await sealToPcrs(SECRET, await options(broken));
    await swtpm.powerCycle();
    await boot();
  });

  test("sealToPcrs() refuses a storage key of another kind", async () => {
    const area = serializePublic({
      type: TPM_ALG.RSA,
      nameAlg: TPM_ALG.SHA256,
      objectAttributes: 0,
      authPolicy: EMPTY,
      parameters: {
        symmetric: { algorithm: TPM_ALG.NULL },
        scheme: { scheme: TPM_ALG.NULL },
        keyBits: 2048,
        exponent: 0,
      },
      unique: new Uint8Array(256).fill(1),
    });
    const name = computeName(parsePublic(area));
    const ticket = new Writer().u16(0).u32(0).sized(EMPTY).finish();
    const parameters = new Writer().sized(area).sized(EMPTY).sized(EMPTY).bytes(ticket).sized(name).finish();
    const body = new Writer()
      .u32(0x80000000)
      .u32(parameters.length)
      .bytes(parameters)
      .sized(EMPTY)
      .u8(1)
      .sized(EMPTY)
      .finish();
    const answer = new Writer()
      .u16(0x8002)
      .u32(10 + body.length)
      .u32(0)
      .bytes(body)
      .finish();
    const transport: TpmTransport = { transmit: () => Promise.resolve(answer) };
    const { pcrs } = await options();
    await assert.rejects(sealToPcrs(SECRET, { transport, random, pcrs }), coded("protocol"));
  });

  test("sealToPcrs() refuses secrets that are empty or too long", async () => {
    for (const size of [0, 129]) {
      await assert.rejects(sealToPcrs(new Uint8Array(size), await options()), coded("malformed"));
    }
  });
});
