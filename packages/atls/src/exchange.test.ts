import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { concat } from "@constellation/bytes";
import { AtlsError } from "./errors.ts";
import { type ExchangeParties, exchangeEvidence } from "./exchange.ts";
import { MessageType } from "./frame.ts";
import { Gate } from "./gate.ts";
import { Handshake, type HandshakeOptions } from "./handshake.ts";
import { ANONYMOUS } from "./parties.ts";
import { attesterNamed, errorOf, NEVER, sentBy } from "./test-support.ts";

const CHANNEL = {
  exporter: new Uint8Array(32),
  clientPublicKey: Uint8Array.of(1),
  serverPublicKey: Uint8Array.of(2),
};
const OPTIONS = { purpose: "join", channel: CHANNEL } as const;

/** A socket whose writes end when the test says so. */
class HeldSocket extends Duplex {
  readonly written: Uint8Array[] = [];
  readonly #ends: ((error?: Error) => void)[] = [];
  readonly #waiting: (() => void)[] = [];

  override _read(): void {}

  override _write(bytes: Buffer, _encoding: string, end: (error?: Error) => void): void {
    this.written.push(Uint8Array.from(bytes));
    this.#ends.push(end);
    this.#waiting.shift()?.();
  }

  /** Waits for the next write, and gives the way to end it. */
  async nextWrite(): Promise<(error?: Error) => void> {
    if (this.#ends.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#ends.shift() as (error?: Error) => void;
  }
}

function partiesOf(attester: ExchangeParties<string>["attester"]): ExchangeParties<string> {
  return { attester, appraiser: ANONYMOUS, issueGate: new Gate(1), appraiseGate: new Gate(1) };
}

function serve(socket: Duplex, signal: AbortSignal = NEVER, attester = attesterNamed("server")) {
  const options: Omit<HandshakeOptions, "mode" | "peerMode"> = {
    ...OPTIONS,
    role: "server",
    nonce: new Uint8Array(32),
  };
  return exchangeEvidence(socket as TLSSocket, options, partiesOf(attester), signal);
}

/** Runs an exchange up to where both sides are done but the last write of ours is under way. */
async function openButForLastWrite(socket: HeldSocket): Promise<(error?: Error) => void> {
  const client = new Handshake({
    ...OPTIONS,
    role: "client",
    mode: "anonymous",
    peerMode: "attesting",
    nonce: new Uint8Array(32).fill(9),
  });
  const hello = await socket.nextWrite();
  socket.push(sentBy(client.start()));
  hello();
  const evidence = await socket.nextWrite();
  client.receive(concat(...socket.written));
  evidence();
  const accepted = await socket.nextWrite();
  socket.push(sentBy(client.accept()));
  // Each read of the socket comes on a turn of its own.
  await new Promise((resolve) => setImmediate(resolve));
  return accepted;
}

test("exchangeEvidence() opens when the last message of ours is written, and not before", async () => {
  const socket = new HeldSocket();
  const opened = serve(socket);
  const write = await openButForLastWrite(socket);
  write();
  assert.equal(await opened, ANONYMOUS);
  socket.destroy();
});

test("exchangeEvidence() gives up a socket whose last write fails", async () => {
  const socket = new HeldSocket();
  const ended = errorOf(serve(socket));
  const write = await openButForLastWrite(socket);
  write(new Error("broken pipe"));
  const error = await ended;
  assert.equal(error.code, "closed");
  assert.match(error.message, /the connection broke: broken pipe/);
  assert.ok(socket.destroyed);
});

test("exchangeEvidence() gives up a socket that is open but not handed over when its signal is aborted", async () => {
  const socket = new HeldSocket();
  const controller = new AbortController();
  const ended = errorOf(serve(socket, controller.signal));
  await openButForLastWrite(socket);
  const reason = new AtlsError("timeout", "too slow");
  controller.abort(reason);
  assert.equal(await ended, reason);
  assert.ok(socket.destroyed);
});

test("exchangeEvidence() ends at once with a signal that is aborted already, and tells the peer", async () => {
  const socket = new HeldSocket();
  const reason = new AtlsError("aborted", "no longer wanted");
  const ended = serve(socket, AbortSignal.abort(reason));
  (await socket.nextWrite())();
  (await socket.nextWrite())();
  assert.equal(await errorOf(ended), reason);
  assert.equal(socket.written.at(-1)?.[0], MessageType.refused);
  socket.destroy();
});

test("exchangeEvidence() writes nothing on a socket whose own side has ended", async () => {
  const socket = new HeldSocket();
  socket.end();
  const ended = errorOf(serve(socket));
  socket.push(null);
  assert.equal((await ended).code, "closed");
  assert.deepEqual(socket.written, []);
  socket.destroy();
});

test("exchangeEvidence() takes anything that an attester throws as its failure, and tells the peer nothing of it", async () => {
  const socket = new HeldSocket();
  const attester = {
    issue: () => {
      throw "no device";
    },
  };
  const ended = errorOf(serve(socket, NEVER, attester));
  const client = new Handshake({
    ...OPTIONS,
    role: "client",
    mode: "anonymous",
    peerMode: "attesting",
    nonce: new Uint8Array(32).fill(9),
  });
  (await socket.nextWrite())();
  socket.push(sentBy(client.start()));
  const error = await ended;
  assert.deepEqual([error.code, error.message], ["issue-failed", "Issue evidence failed: no device"]);
  const last = Buffer.from(socket.written.at(-1) ?? []);
  assert.equal(last[0], MessageType.refused);
  assert.ok(last.includes("issue-failed") && !last.includes("no device"));
  socket.destroy();
});
