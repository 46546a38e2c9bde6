import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { connect, createServer as createTlsServer, type Server, type TLSSocket } from "node:tls";
import { concat, utf8 } from "@constellation/bytes";
import { createEphemeralIdentity } from "./certificate.ts";
import { exchangeEvidence } from "./exchange.ts";
import { MessageType, serializeFrame } from "./frame.ts";
import { Gate } from "./gate.ts";
import { ANONYMOUS, type Attester } from "./parties.ts";
import {
  attesterNamed,
  connectTo,
  errorOf,
  eventOf,
  gullibleAppraiser,
  heldAppraiser,
  NEVER,
  RawPeer,
  sentBy,
  startServer,
  startTcp,
  strictAppraiser,
  tcpConnect,
} from "./test-support.ts";
import { ALPN_PROTOCOL } from "./tls-channel.ts";

const ACCEPTED = serializeFrame({ type: MessageType.accepted, body: new Uint8Array(0) });

/** An attacker that ends TLS on both sides and carries every byte in the clear from one to the other. */
async function startRelay(target: AddressInfo): Promise<AddressInfo & AsyncDisposable> {
  const identity = createEphemeralIdentity();
  const keys = { key: identity.keyPem, cert: identity.certificatePem, rejectUnauthorized: false };
  const tls = { ...keys, ALPNProtocols: [ALPN_PROTOCOL] };
  const sockets: TLSSocket[] = [];
  const relay: Server = createTlsServer({ ...tls, requestCert: true }, (near) => {
    const far = connect({ ...tls, host: target.address, port: target.port });
    for (const socket of [near, far]) socket.on("error", () => {});
    sockets.push(near, far);
    near.pipe(far).pipe(near);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  return {
    ...(relay.address() as AddressInfo),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      relay.close();
    },
  };
}

test("AtlsServer refuses a client whose evidence was relayed from another session", async () => {
  await using server = await startServer();
  await using relay = await startRelay(server.address);
  const client = errorOf(connectTo(relay, { appraiser: gullibleAppraiser }));
  assert.equal((await server.nextRefusal()).code, "evidence-refused");
  const error = await client;
  assert.equal(error.code, "peer-refused");
  assert.equal(error.peerCode, "evidence-refused");
  assert.equal(server.accepted.length, 0);
});

test("connectAtls() refuses a server whose evidence was relayed from another session", async () => {
  await using server = await startServer({ appraiser: gullibleAppraiser });
  await using relay = await startRelay(server.address);
  assert.equal((await errorOf(connectTo(relay))).code, "evidence-refused");
  const refusal = await server.nextRefusal();
  assert.equal(refusal.code, "peer-refused");
  assert.equal(refusal.peerText, "the evidence was not accepted: report-data-mismatch");
  assert.equal(refusal.peerReason, "report-data-mismatch");
  assert.equal(server.accepted.length, 0);
});

test("connectAtls() of an anonymous client refuses a relayed server too", async () => {
  await using server = await startServer({ appraiser: ANONYMOUS });
  await using relay = await startRelay(server.address);
  assert.equal((await errorOf(connectTo(relay, { attester: ANONYMOUS }))).code, "evidence-refused");
  assert.equal((await server.nextRefusal()).code, "peer-refused");
});

test("AtlsServer refuses a recorded exchange that is played again", async () => {
  await using server = await startServer();
  const sent: Uint8Array[] = [];
  {
    using honest = await RawPeer.connect(server.address);
    const handshake = honest.handshake();
    const say = (bytes: Uint8Array): void => {
      sent.push(bytes);
      honest.send(bytes);
    };
    say(sentBy(handshake.start()));
    const { reportData } = eventOf(handshake.receive(await honest.takeFrame()), "issue");
    say(sentBy(handshake.issued(await attesterNamed("honest").issue(reportData, NEVER))));
    handshake.receive(await honest.takeFrame());
    say(sentBy(handshake.accept()));
    assert.equal((await server.nextAccepted()).peer, "honest");
  }
  using attacker = await RawPeer.connect(server.address);
  const [hello, evidence] = sent as [Uint8Array, Uint8Array];
  attacker.send(concat(hello, evidence));
  assert.equal((await server.nextRefusal()).code, "evidence-refused");
  assert.equal(server.accepted.length, 1);
});

test("AtlsServer refuses evidence that two clients swapped between their connections", async () => {
  await using server = await startServer();
  const data = [Promise.withResolvers<Uint8Array>(), Promise.withResolvers<Uint8Array>()] as const;
  const swapping = (own: 0 | 1): Attester => ({
    async issue(reportData) {
      data[own].resolve(reportData);
      return attesterNamed("swapped").issue(await data[own === 0 ? 1 : 0].promise, NEVER);
    },
  });
  const clients = [
    errorOf(connectTo(server.address, { attester: swapping(0) })),
    errorOf(connectTo(server.address, { attester: swapping(1) })),
  ];
  for (const error of await Promise.all(clients)) assert.equal(error.peerCode, "evidence-refused");
  for (const _ of clients) assert.equal((await server.nextRefusal()).code, "evidence-refused");
});

test("AtlsServer refuses its own messages when they are reflected", async () => {
  await using server = await startServer();
  using attacker = await RawPeer.connect(server.address);
  attacker.send(await attacker.takeFrame());
  assert.equal((await server.nextRefusal()).code, "role-mismatch");
});

test("AtlsServer refuses its own HELLO when only the role in it was changed", async () => {
  await using server = await startServer();
  using attacker = await RawPeer.connect(server.address);
  const hello = await attacker.takeFrame();
  hello[6] = 1;
  attacker.send(hello);
  assert.equal((await server.nextRefusal()).code, "reflected");
});

test("AtlsServer refuses its own evidence when it is reflected", async () => {
  await using server = await startServer();
  using attacker = await RawPeer.connect(server.address);
  attacker.send(sentBy(attacker.handshake().start()));
  await attacker.takeFrame();
  attacker.send(await attacker.takeFrame());
  assert.equal((await server.nextRefusal()).code, "evidence-refused");
});

test("AtlsServer reports a message that is cut off as closed", async () => {
  await using server = await startServer();
  using attacker = await RawPeer.connect(server.address);
  attacker.socket.end(sentBy(attacker.handshake().start()).subarray(0, 20));
  assert.equal((await server.nextRefusal()).code, "closed");
});

const garbage: readonly [string, string, Uint8Array][] = [
  ["an oversized message", "oversized", Uint8Array.of(MessageType.evidence, 0xff, 0xff, 0xff, 0xff)],
  ["an unknown message type", "unknown-message", Uint8Array.of(9, 0, 0, 0, 0)],
  ["application bytes in place of HELLO", "unknown-message", utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")],
];

for (const [what, code, bytes] of garbage) {
  test(`AtlsServer refuses ${what} with "${code}"`, async () => {
    await using server = await startServer();
    using attacker = await RawPeer.connect(server.address);
    attacker.send(bytes);
    assert.equal((await server.nextRefusal()).code, code);
    await attacker.takeFrame();
    assert.equal((await attacker.takeFrame())[0], MessageType.refused);
  });
}

test("AtlsServer refuses a client that sends application bytes before it was accepted", async () => {
  const appraiser = heldAppraiser();
  await using server = await startServer({ appraiser });
  using attacker = await RawPeer.connect(server.address);
  const handshake = attacker.handshake();
  attacker.send(sentBy(handshake.start()));
  handshake.receive(await attacker.takeFrame());
  attacker.send(sentBy(handshake.issued(utf8("evidence"))));
  await attacker.takeFrame();
  await appraiser.asked;
  attacker.send(concat(ACCEPTED, utf8("PRI * HTTP/2.0")));
  assert.equal((await server.nextRefusal()).code, "early-data");
  appraiser.release();
});

test("AtlsServer hands on bytes that came in one piece with the last message", async () => {
  await using server = await startServer();
  using client = await RawPeer.connect(server.address);
  const handshake = client.handshake();
  client.send(sentBy(handshake.start()));
  const { reportData } = eventOf(handshake.receive(await client.takeFrame()), "issue");
  client.send(sentBy(handshake.issued(await attesterNamed("quick").issue(reportData, NEVER))));
  handshake.receive(concat(await client.takeFrame(), await client.takeFrame()));
  client.send(concat(sentBy(handshake.accept()), utf8("first words")));
  const { socket } = await server.nextAccepted();
  const [bytes] = await once(socket, "data");
  assert.equal(String(bytes), "first words");
});

test("AtlsServer ends a handshake that stalls after TLS", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  await using server = await startServer({ handshakeTimeoutMs: 50 });
  using attacker = await RawPeer.connect(server.address);
  await attacker.takeFrame();
  mock.timers.tick(50);
  assert.equal((await server.nextRefusal()).code, "timeout");
  assert.equal((await attacker.takeFrame())[0], MessageType.refused);
});

test("AtlsServer ends a connection that never starts TLS", async () => {
  await using server = await startServer({ handshakeTimeoutMs: 50 });
  using silent = await tcpConnect(server.address);
  assert.equal((await server.nextRefusal()).code, "timeout");
  await silent.closed;
});

test("AtlsServer ends a handshake whose appraiser never answers", async ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const appraiser = heldAppraiser();
  await using server = await startServer({ handshakeTimeoutMs: 50, appraiser });
  const ended = errorOf(connectTo(server.address, { timeoutMs: 60 }));
  await appraiser.asked;
  mock.timers.tick(50);
  const error = await ended;
  assert.equal(error.code, "peer-refused");
  assert.equal(error.peerCode, "timeout");
  assert.equal((await server.nextRefusal()).code, "timeout");
});

test("connectAtls() ends a handshake with a server that stalls", async () => {
  await using stalling = await startTcp(() => {});
  assert.equal((await errorOf(connectTo(stalling, { timeoutMs: 50 }))).code, "timeout");
});

test("AtlsServer refuses a client that claims to be anonymous where clients attest", async () => {
  await using server = await startServer();
  const error = await errorOf(connectTo(server.address, { attester: ANONYMOUS }));
  assert.equal(error.peerCode, "mode-mismatch");
  assert.equal((await server.nextRefusal()).code, "mode-mismatch");
});

test("AtlsServer refuses a client that attests where clients are anonymous", async () => {
  await using server = await startServer({ appraiser: ANONYMOUS });
  const error = await errorOf(connectTo(server.address));
  assert.equal(error.peerCode, "mode-mismatch");
  assert.equal((await server.nextRefusal()).code, "mode-mismatch");
});

test("AtlsServer refuses evidence of a client that was made to believe that the server is anonymous", async () => {
  await using server = await startServer();
  using attacker = await RawPeer.connect(server.address);
  const deceived = attacker.handshake({ peerMode: "anonymous" });
  attacker.send(sentBy(deceived.start()));
  const hello = await attacker.takeFrame();
  hello[7] = 2;
  const { reportData } = eventOf(deceived.receive(hello), "issue");
  const body = await attesterNamed("deceived").issue(reportData, NEVER);
  attacker.send(serializeFrame({ type: MessageType.evidence, body }));
  assert.equal((await server.nextRefusal()).code, "evidence-refused");
});

test("AtlsServer and connectAtls() refuse a peer with another purpose", async () => {
  await using server = await startServer();
  const error = await errorOf(connectTo(server.address, { purpose: "init" }));
  assert.equal(error.code, "purpose-mismatch");
  assert.equal((await server.nextRefusal()).code, "purpose-mismatch");
});

test("exchangeEvidence() refuses a second handshake on a live connection", async () => {
  await using server = await startServer();
  const { socket } = await connectTo(server.address);
  const channel = {
    exporter: new Uint8Array(32),
    clientPublicKey: new Uint8Array(91),
    serverPublicKey: new Uint8Array(92),
  };
  const parties = {
    attester: attesterNamed("again"),
    appraiser: strictAppraiser,
    issueGate: new Gate(1),
    appraiseGate: new Gate(1),
  };
  const options = { role: "client", purpose: "join", nonce: new Uint8Array(32), channel } as const;
  assert.equal((await errorOf(exchangeEvidence(socket, options, parties, NEVER))).code, "already-open");
  socket.destroy();
});
