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
  closing,
  connectTo,
  DiskError,
  echoRoutes,
  NEVER,
  nameAppraiser,
  rpcErrorOf,
  SERVER,
} from "./test-support.ts";

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

test("createAtlsClient() close() cancels calls under way", async () => {
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
  const { client, close } = createAtlsClient(VerifyService, await connectTo(server.address));
  const error = rpcErrorOf(client.getEvidence({}));
  await called.promise;
  await close();
  assert.equal((await error).code, "canceled");
});
