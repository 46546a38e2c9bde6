import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";
import { createTcpClient, serveTcp } from "./tcp.ts";
import { closing, echoRoutes, rpcErrorOf } from "./test-support.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0, routes: echoRoutes() };

test("serveTcp() closes a connection whose client answers no PING", async () => {
  await using server = closing(await serveTcp({ ...LOOPBACK, limits: { pingIntervalMs: 10, pingTimeoutMs: 10 } }));
  const socket = connect(server.address.port, "127.0.0.1");
  // HTTP/2 preface and empty SETTINGS (RFC 9113 section 3.4), and then silence.
  socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0)]));
  socket.resume();
  await once(socket, "close");
});

test("serveTcp() keeps a connection whose client answers", async () => {
  await using server = closing(await serveTcp({ ...LOOPBACK, limits: { pingIntervalMs: 5, pingTimeoutMs: 10_000 } }));
  await using connection = closing(createTcpClient(VerifyService, { host: "127.0.0.1", port: server.address.port }));
  for (let round = 0; round < 20; round += 1) {
    await connection.client.getEvidence({});
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
});

test("createTcpClient() gives up a call when the server answers no PING", async () => {
  const silent = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    // Empty SETTINGS make a session of it.
    socket.write(Buffer.of(0, 0, 0, 4, 0, 0, 0, 0, 0));
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as { port: number };
  const limits = { pingIntervalMs: 10, pingTimeoutMs: 10 };
  await using connection = closing(createTcpClient(VerifyService, { host: "127.0.0.1", port, limits }));
  assert.equal((await rpcErrorOf(connection.client.getEvidence({}))).code, "unavailable");
  silent.close();
});
