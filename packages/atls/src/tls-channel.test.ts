import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { createEphemeralIdentity, identityOf } from "./certificate.ts";
import { connectTo, errorOf, RawPeer, startServer, startTcp, tcpConnect } from "./test-support.ts";

test("AtlsServer refuses TLS 1.2", async () => {
  await using server = await startServer();
  const peer = RawPeer.connect(server.address, { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" });
  await assert.rejects(peer, { code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" });
  assert.equal((await server.nextRefusal()).code, "tls-version");
});

test("connectAtls() refuses a server that has TLS 1.2 only", async () => {
  const { keyPem: key, certificatePem: cert } = createEphemeralIdentity();
  const old = createTlsServer({ key, cert, maxVersion: "TLSv1.2" });
  old.listen(0, "127.0.0.1");
  await once(old, "listening");
  assert.equal((await errorOf(connectTo(old.address() as AddressInfo))).code, "tls-version");
  old.close();
});

test("AtlsServer refuses a client without certificate", async () => {
  await using server = await startServer();
  using _client = await RawPeer.connect(server.address, { key: undefined, cert: undefined });
  assert.equal((await server.nextRefusal()).code, "no-peer-certificate");
});

test("AtlsServer refuses a client whose certificate has another kind of key", async () => {
  await using server = await startServer();
  const { keyPem: key, certificatePem: cert } = identityOf(generateKeyPairSync("ec", { namedCurve: "P-384" }));
  using _client = await RawPeer.connect(server.address, { key, cert });
  assert.equal((await server.nextRefusal()).code, "peer-key-unsupported");
});

test("AtlsServer refuses a client that speaks another protocol", async () => {
  await using server = await startServer();
  await assert.rejects(RawPeer.connect(server.address, { ALPNProtocols: ["h2"] }));
  assert.equal((await server.nextRefusal()).code, "tls-protocol");
  using _client = await RawPeer.connect(server.address, { ALPNProtocols: [] });
  assert.equal((await server.nextRefusal()).code, "tls-protocol");
});

test("AtlsServer never resumes a session", async () => {
  await using server = await startServer();
  using first = await RawPeer.connect(server.address);
  const [session] = await once(first.socket, "session");
  using second = await RawPeer.connect(server.address, { session });
  assert.equal(second.socket.isSessionReused(), false);
});

test("AtlsServer refuses plain TCP garbage", async () => {
  await using server = await startServer();
  using attacker = await tcpConnect(server.address);
  attacker.socket.write("GET / HTTP/1.1\r\n\r\n");
  assert.equal((await server.nextRefusal()).code, "tls-failed");
  await attacker.closed;
});

test("connectAtls() refuses a server that answers garbage", async () => {
  await using server = await startTcp((socket) => socket.end("SSH-2.0-OpenSSH\r\n"));
  assert.equal((await errorOf(connectTo(server))).code, "tls-failed");
});
