import assert from "node:assert/strict";
import { test } from "node:test";
import { concat, equalConstantTime, hex, utf8 } from "@constellation/bytes";
import fc from "fast-check";
import { ATLS_ERROR_CODES, AtlsError } from "./errors.ts";
import { MAX_EVIDENCE_BYTES, MessageType, serializeFrame } from "./frame.ts";
import { Handshake, type HandshakeEvent, type HandshakeOptions } from "./handshake.ts";
import { type Mode, parseRefused, type Role, serializeHello, serializeRefused } from "./messages.ts";
import { eventOf, sentBy } from "./test-support.ts";
import type { Channel } from "./transcript.ts";

const CHANNEL: Channel = {
  exporter: new Uint8Array(32).fill(1),
  clientPublicKey: Uint8Array.of(0x30, 1),
  serverPublicKey: Uint8Array.of(0x30, 2),
};
const ACCEPTED = serializeFrame({ type: MessageType.accepted, body: new Uint8Array(0) });

function machine(role: Role, options: Partial<HandshakeOptions> = {}): Handshake {
  const nonce = new Uint8Array(32).fill(role === "client" ? 0xc0 : 0x50);
  const modes = { mode: "attesting", peerMode: "attesting" } as const;
  return new Handshake({ role, purpose: "join", ...modes, nonce, channel: CHANNEL, ...options });
}

function hello(role: Role, mode: Mode = "attesting", purpose = "join", nonceByte = 0xaa): Uint8Array {
  const body = serializeHello({ role, mode, purpose, nonce: new Uint8Array(32).fill(nonceByte) });
  return serializeFrame({ type: MessageType.hello, body });
}

function evidence(text = "evidence"): Uint8Array {
  return serializeFrame({ type: MessageType.evidence, body: utf8(text) });
}

function codeOfFailure(events: readonly HandshakeEvent[]): string {
  return eventOf(events, "fail").error.code;
}

/** The REFUSED message in a step. */
function refusalIn(events: readonly HandshakeEvent[]): ReturnType<typeof parseRefused> {
  const bytes = sentBy(events);
  assert.equal(bytes[0], MessageType.refused);
  return parseRefused(bytes.subarray(5));
}

/** A server machine that got HELLO and evidence of its client, and sent its own evidence. */
function appraisingServer(): Handshake {
  const server = machine("server");
  server.start();
  server.receive(hello("client"));
  server.issued(utf8("own"));
  eventOf(server.receive(evidence()), "appraise");
  return server;
}

test("Handshake opens both sides when each accepted the other's evidence over its own role's report data", () => {
  const client = machine("client");
  const server = machine("server");
  const fromServer = server.receive(sentBy(client.start()));
  const fromClient = client.receive(sentBy(server.start()));
  const clientData = eventOf(fromClient, "issue").reportData;
  const serverData = eventOf(fromServer, "issue").reportData;
  assert.equal(clientData.length, 64);
  assert.ok(!equalConstantTime(clientData, serverData));

  const atServer = eventOf(server.receive(sentBy(client.issued(utf8("of client")))), "appraise");
  const atClient = eventOf(client.receive(sentBy(server.issued(utf8("of server")))), "appraise");
  assert.deepEqual(atServer.reportData, clientData);
  assert.deepEqual(atClient.reportData, serverData);
  assert.deepEqual(atServer.evidence, utf8("of client"));

  const clientAccepts = client.accept();
  assert.equal(client.outcome, "running");
  assert.deepEqual(server.receive(sentBy(clientAccepts)), []);
  const serverAccepts = server.accept();
  assert.equal(server.outcome, "open");
  eventOf(client.receive(sentBy(serverAccepts)), "open");
  assert.equal(client.outcome, "open");
});

test("Handshake sends its verdict last, even when it has to wait for its own evidence", () => {
  const server = machine("server");
  server.start();
  server.receive(hello("client"));
  server.receive(evidence());
  assert.deepEqual(server.accept(), []);
  assert.deepEqual([...sentBy(server.issued(utf8("x")))], [...evidence("x"), ...ACCEPTED]);
});

test("Handshake lets a client be anonymous where both sides say so", () => {
  const client = machine("client", { mode: "anonymous" });
  const server = machine("server", { peerMode: "anonymous" });
  const atServer = server.receive(sentBy(client.start()));
  assert.deepEqual(client.receive(sentBy(server.start())), []);
  const fromServer = sentBy(server.issued(eventOf(atServer, "issue").reportData));
  eventOf(client.receive(fromServer), "appraise");
  eventOf(server.receive(sentBy(client.accept())), "open");
  assert.equal(client.outcome, "open");
});

test("Handshake hands on what came behind the last message", () => {
  const server = appraisingServer();
  server.accept();
  const { leftover } = eventOf(server.receive(concat(ACCEPTED, utf8("PRI * HTTP/2.0"))), "open");
  assert.deepEqual(leftover, utf8("PRI * HTTP/2.0"));
});

test("Handshake takes messages in pieces of any size", () => {
  const server = machine("server");
  const events = [...concat(hello("client"), evidence())].flatMap((byte) => server.receive(Uint8Array.of(byte)));
  assert.deepEqual(
    events.map((event) => event.type),
    ["issue", "appraise"],
  );
});

const refusedInputs: readonly [string, string, Uint8Array][] = [
  ["another version", "version-mismatch", changed(hello("client"), 5, 2)],
  ["our own role", "role-mismatch", hello("server")],
  ["another purpose", "purpose-mismatch", hello("client", "attesting", "init")],
  ["an anonymous peer that must attest", "mode-mismatch", hello("client", "anonymous")],
  ["our own nonce", "reflected", hello("client", "attesting", "join", 0x50)],
  ["a role that does not exist", "malformed", changed(hello("client"), 6, 3)],
  ["a mode that does not exist", "malformed", changed(hello("client"), 7, 0)],
  ["a purpose with control characters", "malformed", hello("client", "attesting", "jo\u001b[2J")],
  ["a HELLO with a byte too many", "malformed", changed(concat(hello("client"), Uint8Array.of(0)), 4, 41)],
  ["a HELLO with a byte too few", "malformed", changed(hello("client"), 4, 39)],
  ["a long HELLO", "oversized", Uint8Array.of(MessageType.hello, 0, 0, 2, 1)],
  ["long evidence", "oversized", Uint8Array.of(MessageType.evidence, 0, 0x10, 0, 1)],
  ["an ACCEPTED with a body", "oversized", Uint8Array.of(MessageType.accepted, 0, 0, 0, 1)],
  ["type 0", "unknown-message", Uint8Array.of(0)],
  ["type 5", "unknown-message", Uint8Array.of(5, 0, 0, 0, 0)],
  ["application bytes", "unknown-message", utf8("PRI * HTTP/2.0")],
  ["evidence before HELLO", "unexpected-message", evidence()],
  ["ACCEPTED before HELLO", "unexpected-message", ACCEPTED],
  ["a second HELLO", "unexpected-message", concat(hello("client"), hello("client"))],
  ["ACCEPTED before the peer's evidence", "unexpected-message", concat(hello("client"), ACCEPTED)],
  ["ACCEPTED before our own evidence", "unexpected-message", concat(hello("client"), evidence(), ACCEPTED)],
  ["empty evidence", "malformed", concat(hello("client"), evidence(""))],
  ["a REFUSED without code", "malformed", serializeFrame({ type: MessageType.refused, body: Uint8Array.of(0, 0) })],
];

for (const [what, code, bytes] of refusedInputs) {
  test(`Handshake refuses ${what} with "${code}" and tells the peer`, () => {
    const server = machine("server");
    server.start();
    const events = server.receive(bytes);
    assert.equal(codeOfFailure(events), code);
    assert.equal(refusalIn(events.filter((event) => event.type === "send")).code, code);
    assert.equal(server.outcome, "failed");
    assert.deepEqual(server.receive(hello("client")), []);
    assert.deepEqual(server.accept(), []);
    assert.deepEqual(server.issued(utf8("x")), []);
    assert.deepEqual(server.end(), []);
  });
}

test("Handshake refuses bytes behind ACCEPTED while its own verdict is open", () => {
  const server = appraisingServer();
  assert.equal(codeOfFailure(server.receive(concat(ACCEPTED, utf8("P")))), "early-data");
});

test("Handshake refuses bytes that come after ACCEPTED while its own verdict is open", () => {
  const server = appraisingServer();
  server.receive(ACCEPTED);
  assert.equal(codeOfFailure(server.receive(hello("client"))), "early-data");
});

test("Handshake still takes a REFUSED after ACCEPTED, from a peer that gave up waiting", () => {
  const server = appraisingServer();
  server.receive(ACCEPTED);
  const body = serializeRefused({ code: "timeout", text: "too slow" });
  const { error } = eventOf(server.receive(serializeFrame({ type: MessageType.refused, body })), "fail");
  assert.equal(error.code, "peer-refused");
  assert.equal(error.peerCode, "timeout");
});

test("Handshake gives the peer's refusal as printable text and answers nothing", () => {
  const client = machine("client");
  const body = concat(Uint8Array.of(3), utf8("bad"), Uint8Array.of(6), utf8("a\u001b[2Jb"));
  const events = client.receive(serializeFrame({ type: MessageType.refused, body }));
  const { error } = eventOf(events, "fail");
  assert.equal(error.code, "peer-refused");
  assert.equal(error.peerText, "a?[2Jb");
  assert.equal(sentBy(events).length, 0);
});

test("Handshake gives the reason of a refused appraisal only where it has the shape of a code", () => {
  const reasonOf = (text: string): string | undefined => {
    const body = serializeRefused({ code: "evidence-refused", text });
    return eventOf(machine("client").receive(serializeFrame({ type: MessageType.refused, body })), "fail").error
      .peerReason;
  };
  assert.equal(reasonOf("the evidence was not accepted: pcr_mismatch"), "pcr_mismatch");
  for (const text of ["the evidence was not accepted", "the evidence was not accepted: No!", "no: pcr_mismatch", ""]) {
    assert.equal(reasonOf(text), undefined, text);
  }
});

test("Handshake tells the peer the code of a refused appraisal, and not its message", () => {
  const server = appraisingServer();
  const cause = Object.assign(new Error("secret"), { code: "pcr-mismatch" });
  const refusal = refusalIn(server.fail(new AtlsError("evidence-refused", "Appraise failed: secret", { cause })));
  assert.deepEqual(refusal, { code: "evidence-refused", text: "the evidence was not accepted: pcr-mismatch" });
});

test("Handshake refuses to send empty or oversized evidence of its own", () => {
  for (const size of [0, MAX_EVIDENCE_BYTES + 1]) {
    const server = machine("server");
    server.receive(hello("client"));
    assert.equal(codeOfFailure(server.issued(new Uint8Array(size))), "issue-failed");
  }
});

test("Handshake refuses verdicts and evidence of its own that nobody asked for", () => {
  assert.equal(codeOfFailure(machine("server").accept()), "unexpected-message");
  assert.equal(codeOfFailure(machine("server").issued(utf8("x"))), "unexpected-message");
  const twice = machine("server");
  twice.receive(hello("client"));
  twice.issued(utf8("x"));
  assert.equal(codeOfFailure(twice.issued(utf8("x"))), "unexpected-message");
});

test("Handshake refuses input on an open connection", () => {
  const server = appraisingServer();
  server.accept();
  server.receive(ACCEPTED);
  assert.throws(() => server.receive(hello("client")), { code: "already-open" });
});

test("Handshake reports the end of the connection as closed", () => {
  const server = machine("server");
  server.receive(hello("client").subarray(0, 20));
  const events = server.end();
  assert.equal(codeOfFailure(events), "closed");
  assert.equal(sentBy(events).length, 0);
});

test("Handshake says what was missing when the connection ends before its own verdict", () => {
  const server = appraisingServer();
  server.receive(ACCEPTED);
  assert.match(eventOf(server.end(), "fail").error.message, /got end of connection, wanted our own verdict$/);
});

test("Handshake hands on a fault of the caller, which is no refusal", () => {
  const server = machine("server");
  server.receive(hello("client"));
  assert.throws(() => server.issued(undefined as unknown as Uint8Array), TypeError);
});

test("Handshake refuses options that can't be meant", () => {
  const anonymous = { mode: "anonymous", peerMode: "anonymous" } as const;
  assert.throws(() => machine("client", anonymous), RangeError);
  assert.throws(() => machine("client", { purpose: "" }), RangeError);
  assert.throws(() => machine("client", { nonce: new Uint8Array(31) }), RangeError);
  assert.throws(() => machine("client", { channel: { ...CHANNEL, exporter: new Uint8Array(31) } }), RangeError);
});

test("Handshake refuses a peer with our own key", () => {
  const channel = { ...CHANNEL, clientPublicKey: CHANNEL.serverPublicKey };
  assert.equal(codeOfFailure(machine("server", { channel }).receive(hello("client"))), "reflected");
});

const modes = fc.constantFrom<Mode>("attesting", "anonymous");
/** Inputs near the protocol: whole messages, pieces of them, and noise. */
const inputs = fc.oneof(
  fc.uint8Array({ maxLength: 80 }),
  fc.constantFrom<Role>("client", "server").map((role) => hello(role)),
  fc.constantFrom<Role>("client", "server").map((role) => hello(role, "anonymous")),
  fc.uint8Array({ maxLength: 80 }).map((body) => serializeFrame({ type: MessageType.evidence, body })),
  fc.uint8Array({ maxLength: 80 }).map((body) => serializeFrame({ type: MessageType.refused, body })),
  fc.uint8Array({ maxLength: 80 }).map((body) => serializeFrame({ type: MessageType.hello, body })),
  fc.constant(ACCEPTED),
);
const steps = fc.array(
  fc.oneof(
    inputs.map((bytes) => ({ kind: "receive", bytes }) as const),
    fc.constantFrom({ kind: "accept" } as const, { kind: "issued" } as const, { kind: "end" } as const),
  ),
  { maxLength: 12 },
);

test("Handshake answers any input with coded errors only, says one last word, and opens only after both verdicts", () => {
  fc.assert(
    fc.property(fc.constantFrom<Role>("client", "server"), modes, modes, steps, (role, mode, peerMode, script) => {
      fc.pre(mode === "attesting" || peerMode === "attesting");
      const handshake = machine(role, { mode, peerMode });
      const events = handshake.start();
      let accepted = peerMode === "anonymous";
      for (const step of script) {
        if (handshake.outcome === "open") break;
        if (step.kind === "receive") events.push(...handshake.receive(step.bytes));
        if (step.kind === "accept") events.push(...handshake.accept());
        if (step.kind === "issued") events.push(...handshake.issued(utf8("own")));
        if (step.kind === "end") events.push(...handshake.end());
        accepted ||= step.kind === "accept" && handshake.outcome !== "failed";
      }
      const last = events.filter((event) => event.type === "fail" || event.type === "open");
      assert.ok(last.length <= 1);
      for (const event of last) {
        if (event.type === "open") assert.ok(accepted && sentBy(events)[0] === MessageType.hello);
        else assert.ok(event.error instanceof AtlsError && ATLS_ERROR_CODES.includes(event.error.code));
      }
      const verdicts = events.filter((event) => event.type === "send" && (event.bytes[0] ?? 0) >= MessageType.accepted);
      assert.ok(verdicts.length <= 2, hex(sentBy(events)));
    }),
    { numRuns: 500 },
  );
});

function changed(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[offset] = value;
  return copy;
}
