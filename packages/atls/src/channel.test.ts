import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { acceptTls } from "./accept-tls.ts";
import { createEphemeralIdentity } from "./certificate.ts";
import { AtlsError } from "./errors.ts";
import { remoteAddressOf } from "./remote-address.ts";
import { connectTo, errorOf } from "./test-support.ts";
import { ALPN_PROTOCOL, channelOf } from "./tls-channel.ts";
import { fromTlsError } from "./tls-errors.ts";

/** An established connection, as node:tls describes it. */
function connection(change: {
  readonly version?: string;
  readonly alpn?: string;
  readonly resumed?: boolean;
  readonly key?: KeyObject;
}): TLSSocket {
  const { version = "TLSv1.3", alpn = ALPN_PROTOCOL, resumed = false, key } = change;
  return {
    getProtocol: () => version,
    alpnProtocol: alpn,
    isSessionReused: () => resumed,
    getPeerX509Certificate: () => key && { publicKey: key },
    exportKeyingMaterial: (sizeBytes: number) => Buffer.alloc(sizeBytes, 7),
  } as unknown as TLSSocket;
}

test("channelOf() takes keys of Ed25519, and the exporter value", () => {
  const key = generateKeyPairSync("ed25519").publicKey;
  const own = Uint8Array.of(1);
  const channel = channelOf(connection({ key }), "server", own, "join");
  const peer = new Uint8Array(key.export({ type: "spki", format: "der" }));
  assert.deepEqual(channel, { exporter: new Uint8Array(32).fill(7), clientPublicKey: peer, serverPublicKey: own });
});

test("channelOf() refuses what TLS should not have let through", () => {
  const { publicKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const codeOf = (socket: TLSSocket): string => {
    try {
      channelOf(socket, "server", new Uint8Array(), "join");
      return "accepted";
    } catch (error) {
      return (error as AtlsError).code;
    }
  };
  assert.equal(codeOf(connection({ version: "TLSv1.2" })), "tls-version");
  assert.equal(codeOf(connection({ alpn: "h2" })), "tls-protocol");
  assert.equal(codeOf(connection({ resumed: true })), "tls-resumed");
  assert.equal(codeOf(connection({})), "no-peer-certificate");
  assert.equal(codeOf(connection({ key: rsa })), "peer-key-unsupported");
});

test("connectAtls() refuses a server that states no protocol", async () => {
  const { keyPem: key, certificatePem: cert } = createEphemeralIdentity();
  const silent = createTlsServer({ key, cert, minVersion: "TLSv1.3" });
  silent.on("secureConnection", (socket) => socket.on("error", () => {}));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  assert.equal((await errorOf(connectTo(silent.address() as AddressInfo))).code, "tls-protocol");
  silent.close();
});

test("acceptTls() destroys the connection where its signal is aborted already", async () => {
  const raw = new Socket();
  const reason = new AtlsError("aborted", "closing");
  await assert.rejects(acceptTls(raw, createEphemeralIdentity(), AbortSignal.abort(reason)), reason);
  assert.ok(raw.destroyed);
});

test("remoteAddressOf() says unknown of a connection that is gone", () => {
  assert.deepEqual(remoteAddressOf({ remoteAddress: "::1", remotePort: 7 }), { address: "::1", port: 7 });
  assert.deepEqual(remoteAddressOf(new Socket()), { address: "unknown", port: 0 });
});

test("fromTlsError() gives each error of node:tls its code", () => {
  const withCode = (code: string, syscall?: string) => Object.assign(new Error("x"), { code, syscall });
  assert.equal(fromTlsError(new AggregateError([], "all addresses failed")).code, "connect-failed");
  assert.equal(fromTlsError(withCode("ENOTFOUND", "getaddrinfo")).code, "connect-failed");
  assert.equal(fromTlsError(new Error("x")).code, "tls-failed");
  assert.equal(fromTlsError(withCode("ERR_SSL_WRONG_VERSION_NUMBER")).code, "tls-failed");
  assert.equal(fromTlsError(withCode("ERR_SSL_UNSUPPORTED_PROTOCOL")).code, "tls-version");
  assert.equal(fromTlsError(withCode("ERR_SSL_NO_APPLICATION_PROTOCOL")).code, "tls-protocol");
  assert.equal(fromTlsError(withCode("ECONNRESET", "read")).code, "closed");
  assert.equal(fromTlsError(withCode("EPIPE", "write")).code, "closed");
});
