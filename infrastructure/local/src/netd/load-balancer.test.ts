import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { HandshakeOutcome } from "./handshake-watch.ts";
import { LoadBalancer } from "./load-balancer.ts";

const ENDPOINT = "127.211.7.1";
const NO_PORTS: ReadonlySet<number> = new Set();
const BACKENDS = [
  { name: "zero", loopbackAddress: "127.211.7.10" },
  { name: "one", loopbackAddress: "127.211.7.11" },
];

/** A server on a backend's address that answers with its name; port 0 takes a free one. */
async function backendServer(t: TestContext, index: number, port: number): Promise<{ server: Server; port: number }> {
  const backend = BACKENDS[index];
  const server = createServer((socket) =>
    socket
      .on("error", () => undefined)
      .pipe(socket)
      .write(`${backend?.name}:`),
  );
  server.listen(port, backend?.loopbackAddress);
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { server, port: address.port };
}

async function balancer(
  t: TestContext,
  port: number,
  outcome: (name: string) => HandshakeOutcome,
  firstOnlyPorts: ReadonlySet<number> = NO_PORTS,
): Promise<LoadBalancer> {
  const made = new LoadBalancer({ firstOnlyPorts, handshake: async (backend) => outcome(backend.name) });
  await made.listen(ENDPOINT, [port]);
  t.after(() => made.close());
  made.setBackends(BACKENDS);
  return made;
}

async function talk(port: number): Promise<string> {
  const socket = connect(port, ENDPOINT);
  socket.end("hello");
  return await text(socket);
}

test("LoadBalancer takes backends in turn and carries bytes and half-closes both ways", async (t) => {
  const { port } = await backendServer(t, 0, 0);
  await backendServer(t, 1, port);
  await balancer(t, port, () => "established");
  assert.deepEqual([await talk(port), await talk(port), await talk(port)], ["zero:hello", "one:hello", "zero:hello"]);
});

test("LoadBalancer tries the next backend where one is not there, refuses or is silent", async (t) => {
  const { port } = await backendServer(t, 1, 0);
  const made = await balancer(t, port, () => "established");
  assert.deepEqual([await talk(port), await talk(port)], ["one:hello", "one:hello"]);
  assert.deepEqual(made.failures(), [`zero:${port}`]);
  await backendServer(t, 0, port);
  for (const outcome of ["refused", "silent"] as const) {
    const other = new LoadBalancer({
      firstOnlyPorts: NO_PORTS,
      handshake: async ({ name }) => (name === "zero" ? outcome : "established"),
    });
    await other.listen("127.211.7.2", [port]);
    other.setBackends(BACKENDS);
    const socket = connect(port, "127.211.7.2");
    socket.end("x");
    assert.equal(await text(socket), "one:x");
    other.close();
  }
});

test("LoadBalancer gives a first-only port to no backend but the first, also when that one does not accept", async (t) => {
  const { port } = await backendServer(t, 0, 0);
  await backendServer(t, 1, port);
  let ofFirst: HandshakeOutcome = "established";
  await balancer(t, port, (name) => (name === "zero" ? ofFirst : "established"), new Set([port]));
  assert.deepEqual([await talk(port), await talk(port), await talk(port)], Array(3).fill("zero:hello"));
  for (const outcome of ["refused", "silent"] as const) {
    ofFirst = outcome;
    await assert.rejects(talk(port), { code: "ECONNRESET" });
    await assert.rejects(talk(port), { code: "ECONNRESET" });
  }
  ofFirst = "established";
  assert.equal(await talk(port), "zero:hello");
});

test("LoadBalancer resets the client where no backend accepts, and recovers", async (t) => {
  const { port } = await backendServer(t, 0, 0);
  let outcome: HandshakeOutcome = "refused";
  await balancer(t, port, () => outcome);
  await assert.rejects(talk(port), { code: "ECONNRESET" });
  outcome = "established";
  assert.equal(await talk(port), "zero:hello");
});

test("LoadBalancer.listen() rejects with the system's error on a busy port", async (t) => {
  const { port } = await backendServer(t, 0, 0);
  await balancer(t, port, () => "established");
  const other = new LoadBalancer({ firstOnlyPorts: NO_PORTS, handshake: async () => "refused" });
  await assert.rejects(other.listen(ENDPOINT, [port]), { code: "EADDRINUSE" });
});
