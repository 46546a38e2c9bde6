import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createAtlsClient, serveAtls } from "./atls.ts";
import { InitService } from "./gen/constellation/init/v1/init_pb.ts";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";
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

test("serveAtls() closes an idle connection, but none with a call under way", async () => {
  const release = Promise.withResolvers<void>();
  await using server = closing(
    await serveAtls({
      ...SERVER,
      limits: { idleTimeoutMs: 20 },
      routes: (router) =>
        void router.service(VerifyService, {
          async getEvidence() {
            await release.promise;
            return {};
          },
        }),
    }),
  );
  const busy = await connectTo(server.address);
  const { client } = createAtlsClient(VerifyService, busy);
  const call = client.getEvidence({});
  const idle = await connectTo(server.address);
  createAtlsClient(VerifyService, idle);
  await once(idle.socket, "close");
  release.resolve();
  await call;
  await once(busy.socket, "close");
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
