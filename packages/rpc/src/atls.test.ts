import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { ANONYMOUS, connectAtls } from "@constellation/atls";
import { createAtlsClient, serveAtls } from "./atls.ts";
import { callerOf, peerOf } from "./connection-facts.ts";
import { InitService } from "./gen/constellation/init/v1/init_pb.ts";
import { JoinService } from "./gen/constellation/join/v1/join_pb.ts";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";
import {
  ATLS_TERMS,
  attesterNamed,
  closing,
  DiskError,
  echoRoutes,
  NEVER,
  nameAppraiser,
  rpcErrorOf,
} from "./test-support.ts";

const SERVER = {
  ...ATLS_TERMS,
  host: "127.0.0.1",
  port: 0,
  attester: attesterNamed("server"),
  appraiser: nameAppraiser,
};

async function connectTo({ port }: { readonly port: number }, name = "worker-1") {
  const { purpose, handshakeTimeoutMs: timeoutMs } = ATLS_TERMS;
  const terms = { purpose, timeoutMs, attester: attesterNamed(name), appraiser: nameAppraiser };
  return await connectAtls({ host: "127.0.0.1", port, ...terms }, NEVER);
}

test("serveAtls() and createAtlsClient() carry unary calls of several attested peers, each seen as itself", async () => {
  await using server = closing(
    await serveAtls({
      ...SERVER,
      routes: (router) =>
        void router.service(JoinService, {
          async issueJoinTicket({ diskUuid }, context) {
            const { name } = peerOf<{ name: string }>(context);
            return { nodeName: `${name} with ${diskUuid}` };
          },
        }),
    }),
  );
  const names = ["worker-1", "worker-2", "worker-3"];
  const clients = await Promise.all(
    names.map(async (name) => createAtlsClient(JoinService, await connectTo(server.address, name))),
  );
  const calls = clients.flatMap(({ client }) => ["a", "b"].map((diskUuid) => client.issueJoinTicket({ diskUuid })));
  const tickets = (await Promise.all(calls)).map(({ nodeName }) => nodeName);
  assert.deepEqual(
    tickets,
    names.flatMap((name) => [`${name} with a`, `${name} with b`]),
  );
  for (const { close } of clients) await close();
});

test("serveAtls() streams to an anonymous client, and ends the stream with a coded error", async () => {
  const errors: unknown[] = [];
  await using server = closing(
    await serveAtls({
      ...SERVER,
      appraiser: ANONYMOUS,
      statuses: { "wrong-disk": "failed-precondition" },
      onError: (error) => errors.push(error),
      routes: (router) =>
        void router.service(InitService, {
          async *init({ clusterName }, context) {
            assert.equal(peerOf(context), ANONYMOUS);
            yield { event: { case: "progress", value: { step: "disk", text: clusterName } } };
            throw new DiskError("Format disk failed: got no disk, wanted one");
          },
        }),
    }),
  );
  const { purpose, handshakeTimeoutMs: timeoutMs } = ATLS_TERMS;
  const terms = { purpose, timeoutMs, attester: ANONYMOUS, appraiser: nameAppraiser } as const;
  const connection = await connectAtls({ host: "127.0.0.1", port: server.address.port, ...terms }, NEVER);
  await using closable = closing(createAtlsClient(InitService, connection));
  const { client } = closable;
  const events: unknown[] = [];
  const error = await rpcErrorOf(
    (async () => {
      for await (const { event } of client.init({ clusterName: "mini" })) events.push(event.case);
    })(),
  );
  assert.deepEqual(events, ["progress"]);
  assert.equal(error.code, "failed-precondition");
  assert.equal(error.remoteCode, "wrong-disk");
  assert.ok(errors[0] instanceof DiskError);
});

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

test("createAtlsClient() never connects again once its socket is gone", async () => {
  await using server = closing(await serveAtls({ ...SERVER, routes: echoRoutes() }));
  const connection = await connectTo(server.address);
  await using closable = closing(createAtlsClient(VerifyService, connection));
  const { client } = closable;
  await client.getEvidence({});
  await closable.close();
  assert.ok(connection.socket.destroyed);
  assert.equal((await rpcErrorOf(client.getEvidence({}))).code, "unavailable");
});

test("createAtlsClient() ends a call when its time is up", async () => {
  await using server = closing(
    await serveAtls({
      ...SERVER,
      routes: (router) =>
        void router.service(VerifyService, {
          getEvidence: async (_request, { signal }) => {
            await once(signal, "abort");
            throw signal.reason;
          },
        }),
    }),
  );
  const connection = await connectTo(server.address);
  await using closable = closing(createAtlsClient(VerifyService, { ...connection, timeoutMs: 50 }));
  const { client } = closable;
  assert.equal((await rpcErrorOf(client.getEvidence({}))).code, "deadline-exceeded");
});

test("serveAtls() refuses a request above readMaxBytes", async () => {
  await using server = closing(await serveAtls({ ...SERVER, limits: { readMaxBytes: 1024 }, routes: echoRoutes() }));
  await using closable = closing(createAtlsClient(VerifyService, await connectTo(server.address)));
  const { client } = closable;
  assert.equal((await rpcErrorOf(client.getEvidence({ nonce: new Uint8Array(2048) }))).code, "resource-exhausted");
  assert.equal((await client.getEvidence({ nonce: new Uint8Array(512) })).evidence.length, 512);
});

test("serveAtls() ends a connection on which a second handshake is begun", async () => {
  let calls = 0;
  await using server = closing(await serveAtls({ ...SERVER, routes: echoRoutes(() => (calls += 1)) }));
  const { socket } = await connectTo(server.address);
  const hello = Uint8Array.of(1, 0, 0, 0, 40, 1, 1, 1, ...new Uint8Array(32), 4, ...Buffer.from("join"));
  socket.write(hello);
  socket.resume();
  await once(socket, "close");
  assert.equal(calls, 0);
});

test("peerOf() and callerOf() refuse a connection of another kind", async () => {
  const seen: string[] = [];
  await using server = closing(
    await serveAtls({
      ...SERVER,
      routes: echoRoutes((context) => seen.push(callerOf(context))),
    }),
  );
  await using closable = closing(createAtlsClient(VerifyService, await connectTo(server.address)));
  const { client } = closable;
  assert.equal((await rpcErrorOf(client.getEvidence({}))).code, "internal");
  assert.deepEqual(seen, []);
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
