import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { test } from "node:test";
import { ANONYMOUS } from "./parties.ts";
import {
  attesterNamed,
  connectTo,
  errorOf,
  gullibleAppraiser,
  heldAppraiser,
  NEVER,
  RawPeer,
  startServer,
  startTcp,
  tcpConnect,
} from "./test-support.ts";

test("AtlsServer and connectAtls() give each side the other as its appraiser saw it", async () => {
  await using server = await startServer();
  const { socket, peer } = await connectTo(server.address);
  const accepted = await server.nextAccepted();
  assert.equal(peer, "server");
  assert.equal(accepted.peer, "client");
  socket.write("ping");
  const [bytes] = await once(accepted.socket, "data");
  assert.equal(String(bytes), "ping");
  socket.destroy();
});

test("AtlsServer outlives a connection that is reset before TLS", async () => {
  await using server = await startServer();
  using attacker = await tcpConnect(server.address);
  attacker.socket.resetAndDestroy();
  assert.equal((await server.nextRefusal()).code, "closed");
});

test("AtlsServer gives an anonymous client as ANONYMOUS", async () => {
  await using server = await startServer({ appraiser: ANONYMOUS });
  const { socket, peer } = await connectTo(server.address, { attester: ANONYMOUS });
  assert.equal(peer, "server");
  assert.equal((await server.nextAccepted()).peer, ANONYMOUS);
  socket.destroy();
});

test("AtlsServer carries evidence of the greatest size", async () => {
  await using server = await startServer({ appraiser: { appraise: async (evidence) => evidence.length } });
  const attester = { issue: async () => new Uint8Array(1024 * 1024) };
  const { socket } = await connectTo(server.address, { attester });
  assert.equal((await server.nextAccepted()).peer, 1024 * 1024);
  socket.destroy();
});

test("AtlsServer closes connections beyond maxPending unheard, and has room again afterwards", async () => {
  await using server = await startServer({ maxPending: 1 });
  const first = await RawPeer.connect(server.address);
  const second = errorOf(connectTo(server.address));
  assert.equal((await server.nextRefusal()).code, "too-many-pending");
  assert.equal((await second).code, "closed");
  first.socket.destroy();
  assert.equal((await server.nextRefusal()).code, "closed");
  await settled(() => server.server.pendingCount === 0);
  const { socket } = await connectTo(server.address);
  socket.destroy();
});

test("AtlsServer issues one piece of evidence at a time", async () => {
  let running = 0;
  let most = 0;
  const attester = {
    async issue(reportData: Uint8Array) {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return attesterNamed("server").issue(reportData, NEVER);
    },
  };
  await using server = await startServer({ attester });
  const clients = await Promise.all([1, 2, 3, 4].map(() => connectTo(server.address)));
  assert.equal(most, 1);
  for (const { socket } of clients) socket.destroy();
});

test("AtlsServer tells the client that it can't attest, and nothing of why", async () => {
  const attester = { issue: () => Promise.reject(new Error("TPM at /dev/tpmrm0 says secret")) };
  await using server = await startServer({ attester });
  const error = await errorOf(connectTo(server.address));
  assert.equal(error.peerCode, "issue-failed");
  assert.equal(error.peerText, "the evidence could not be issued");
  assert.equal((await server.nextRefusal()).code, "issue-failed");
});

test("connectAtls() tells the server that it can't attest", async () => {
  await using server = await startServer();
  const attester = { issue: () => Promise.reject(new Error("no TPM")) };
  assert.equal((await errorOf(connectTo(server.address, { attester }))).code, "issue-failed");
  assert.equal((await server.nextRefusal()).peerCode, "issue-failed");
});

test("AtlsServer.close() ends handshakes under way and tells their clients", async () => {
  const appraiser = heldAppraiser();
  await using server = await startServer({ appraiser });
  const client = errorOf(connectTo(server.address));
  await appraiser.asked;
  await server.server.close();
  const error = await client;
  assert.equal(error.code, "peer-refused");
  assert.equal(error.peerCode, "aborted");
  assert.equal((await server.nextRefusal()).code, "aborted");
  appraiser.release();
  await server.server.close();
});

test("connectAtls() reports a server that breaks off in the middle as closed", async () => {
  const asked = Promise.withResolvers<void>();
  await using server = await startServer({
    attester: {
      issue() {
        asked.resolve();
        return new Promise(() => {});
      },
    },
    appraiser: gullibleAppraiser,
  });
  const proxy = await startCuttableProxy(server.address);
  const client = errorOf(connectTo(proxy));
  await asked.promise;
  proxy.cut();
  assert.equal((await client).code, "closed");
  assert.equal((await server.nextRefusal()).code, "closed");
});

test("connectAtls() stops at once when its signal is aborted before the start", async () => {
  const error = await errorOf(connectTo({ port: 1 }, {}, AbortSignal.abort(new Error("user"))));
  assert.equal(error.code, "aborted");
  assert.equal((error.cause as Error).message, "user");
});

test("connectAtls() tells the server when its signal is aborted in the middle", async () => {
  await using server = await startServer();
  const controller = new AbortController();
  const appraiser = heldAppraiser();
  const client = errorOf(connectTo(server.address, { appraiser }, controller.signal));
  await appraiser.asked;
  controller.abort();
  assert.equal((await client).code, "aborted");
  assert.equal((await server.nextRefusal()).peerCode, "aborted");
});

test("connectAtls() reports a port where nobody listens as connect-failed", async () => {
  const server = await startServer();
  await server.server.close();
  assert.equal((await errorOf(connectTo(server.address))).code, "connect-failed");
});

test("connectAtls() gives up a host with which TCP does not connect in its time", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Socket.prototype, "connect", function (this: Socket) {
    return this;
  });
  const client = errorOf(connectTo({ port: 1 }, { tcpTimeoutMs: 4000 }));
  t.mock.timers.tick(4000);
  const { code, message } = await client;
  assert.deepEqual([code, message], ["connect-failed", "Open TLS connection failed: got no TCP connection in 4000 ms"]);
});

test("connectAtls() gives a host that TCP has connected with all the time there is", async (t) => {
  const silent = Promise.withResolvers<Socket>();
  await using slow = await startTcp((socket) => socket.once("data", () => silent.resolve(socket)));
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const client = errorOf(connectTo(slow, { tcpTimeoutMs: 4000 }));
  const socket = await silent.promise;
  t.mock.timers.tick(29_999);
  socket.end("garbage");
  assert.equal((await client).code, "tls-failed");
});

test("AtlsServer.listen() reports a port that is taken as listen-failed", async () => {
  await using first = await startServer();
  const second = await startServer();
  await second.server.close();
  assert.equal(
    (await errorOf(second.server.listen({ host: "127.0.0.1", port: first.address.port }))).code,
    "listen-failed",
  );
});

test("AtlsServer closes a connection that its handler did not take", async () => {
  await using server = await startServer({
    onConnection() {
      throw new Error("no room");
    },
  });
  const { socket } = await connectTo(server.address);
  socket.resume();
  await once(socket, "close");
  assert.equal((await server.nextRefusal()).code, "handler-failed");
});

async function startCuttableProxy(target: AddressInfo): Promise<{ port: number; cut(): void }> {
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connect(target.port, target.address);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => {});
    near.pipe(far).pipe(near);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    port: (proxy.address() as AddressInfo).port,
    cut() {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
}

/** Waits until a condition holds, looking again on each turn of the event loop. */
async function settled(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
