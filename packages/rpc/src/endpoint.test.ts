import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { constants, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createAtlsClient, serveAtls } from "./atls.ts";
import { InitService } from "./gen/constellation/init/v1/init_pb.ts";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";
import { createTcpClient } from "./tcp.ts";
import { closing, connectTo, echoRoutes, rpcErrorOf, SERVER } from "./test-support.ts";

test("serveAtls() ends a handler whose client cancelled the stream", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = closing(
    await serveAtls({
      ...SERVER,
      routes: (router) =>
        void router.service(InitService, {
          async *init(_request, { signal }) {
            yield { event: { case: "progress", value: { step: "waiting" } } };
            await once(signal, "abort");
            ended.resolve();
          },
        }),
    }),
  );
  await using closable = closing(createAtlsClient(InitService, await connectTo(server.address)));
  const { client } = closable;
  const controller = new AbortController();
  const error = await rpcErrorOf(
    (async () => {
      for await (const _ of client.init({}, { signal: controller.signal })) controller.abort();
    })(),
  );
  assert.equal(error.code, "canceled");
  await ended.promise;
});

test("serveAtls() ends a handler whose client's connection is gone", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = closing(
    await serveAtls({
      ...SERVER,
      routes: (router) =>
        void router.service(InitService, {
          async *init(_request, { signal }) {
            yield { event: { case: "progress", value: { step: "waiting" } } };
            await once(signal, "abort");
            ended.resolve();
          },
        }),
    }),
  );
  const connection = await connectTo(server.address);
  const { client } = createAtlsClient(InitService, connection);
  const error = await rpcErrorOf(
    (async () => {
      for await (const _ of client.init({})) connection.socket.destroy();
    })(),
  );
  assert.equal(error.code, "unavailable");
  await ended.promise;
});

test("serveAtls() close() ends calls under way", async () => {
  const called = Promise.withResolvers<void>();
  await using server = closing(
    await serveAtls({
      ...SERVER,
      routes: (router) =>
        void router.service(VerifyService, {
          async getEvidence(_request, { signal }) {
            called.resolve();
            await once(signal, "abort");
            throw signal.reason;
          },
        }),
    }),
  );
  const { client } = createAtlsClient(VerifyService, await connectTo(server.address));
  const error = rpcErrorOf(client.getEvidence({}));
  await called.promise;
  await server.close();
  assert.equal((await error).code, "unavailable");
});

test("serveAtls() refuses a request above readMaxBytes", async () => {
  await using server = closing(await serveAtls({ ...SERVER, limits: { readMaxBytes: 1024 }, routes: echoRoutes() }));
  await using closable = closing(createAtlsClient(VerifyService, await connectTo(server.address)));
  const { client } = closable;
  assert.equal((await rpcErrorOf(client.getEvidence({ nonce: new Uint8Array(2048) }))).code, "resource-exhausted");
  assert.equal((await client.getEvidence({ nonce: new Uint8Array(512) })).evidence.length, 512);
});

test("serveAtls() closes connections beyond maxConnections", async () => {
  await using server = closing(await serveAtls({ ...SERVER, limits: { maxConnections: 1 }, routes: echoRoutes() }));
  await using first = closing(createAtlsClient(VerifyService, await connectTo(server.address)));
  await first.client.getEvidence({});
  await using second = closing(createAtlsClient(VerifyService, await connectTo(server.address)));
  assert.equal((await rpcErrorOf(second.client.getEvidence({}))).code, "unavailable");
});

test("serveAtls() closes an idle connection, but none with a call under way", async (t) => {
  const called = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using server = closing(
    await serveAtls({
      ...SERVER,
      limits: { idleTimeoutMs: 20 },
      routes: (router) =>
        void router.service(VerifyService, {
          async getEvidence() {
            called.resolve();
            await release.promise;
            return {};
          },
        }),
    }),
  );
  // Time goes by when the test says so: on a busy computer the first call could come too late.
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const letTimePassUntilClosed = async ({ socket }: { socket: EventEmitter }): Promise<void> => {
    let closed = false;
    socket.once("close", () => (closed = true));
    while (!closed) {
      t.mock.timers.tick(20);
      await nextTurn();
    }
  };
  const busy = await connectTo(server.address);
  const { client } = createAtlsClient(VerifyService, busy);
  const call = client.getEvidence({});
  await called.promise;
  const idle = await connectTo(server.address);
  createAtlsClient(VerifyService, idle);
  await letTimePassUntilClosed(idle);
  // A connection that was about to close would refuse another call.
  const another = client.getEvidence({});
  release.resolve();
  await Promise.all([call, another]);
  await letTimePassUntilClosed(busy);
});

test('a call that the server refused as its connection was ending is "unavailable"', async (t) => {
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    stream.close(constants.NGHTTP2_REFUSED_STREAM);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await using connection = closing(createTcpClient(VerifyService, { host: "127.0.0.1", port }));
  const error = await rpcErrorOf(connection.client.getEvidence({}));
  assert.equal(error.code, "unavailable");
});

test("serveAtls() close() cuts off a handler that does not end", async () => {
  const called = Promise.withResolvers<void>();
  const server = await serveAtls({
    ...SERVER,
    limits: { closeGraceMs: 10 },
    routes: (router) =>
      void router.service(VerifyService, {
        getEvidence() {
          called.resolve();
          return new Promise(() => {});
        },
      }),
  });
  await using connection = closing(createAtlsClient(VerifyService, await connectTo(server.address)));
  const error = rpcErrorOf(connection.client.getEvidence({}));
  await called.promise;
  await server.close();
  assert.equal((await error).code, "unavailable");
});
