import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, test } from "node:test";
import { ApiProxy, type Endpoint, parseEndpoint } from "./api-proxy.ts";

const PENALTY_MS = 1000;

describe("ApiProxy", () => {
  let proxy: ApiProxy;
  let port: number;
  let nowMs: number;
  const servers: Server[] = [];

  beforeEach(async () => {
    nowMs = 0;
    const options = { host: "127.0.0.1", port: 0, connectTimeoutMs: 2000, penaltyMs: PENALTY_MS, nowMs: () => nowMs };
    proxy = new ApiProxy(options);
    port = await proxy.listen();
  });
  afterEach(async () => {
    await proxy.close();
    for (const server of servers.splice(0)) server.close();
  });

  /** A server that says its name and then returns what it gets. */
  async function named(name: string): Promise<Endpoint> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write(name);
      socket.pipe(socket);
    });
    servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  }

  async function dead(): Promise<Endpoint> {
    const endpoint = await named("dead");
    const server = servers.pop();
    server?.close();
    if (server !== undefined) await once(server, "close");
    return endpoint;
  }

  /** What the first bytes through the proxy say; "" when it closes the connection. */
  async function ask(): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    const answer = await Promise.race([
      once(socket, "data").then(([data]) => String(data)),
      once(socket, "close").then(() => ""),
    ]);
    socket.destroy();
    return answer;
  }

  test("prefers the first server", async () => {
    proxy.setEndpoints([await named("a"), await named("b")]);
    assert.equal(await ask(), "a");
  });

  test("skips a dead server, and tries it last until the penalty is over", async () => {
    const first = await dead();
    proxy.setEndpoints([first, await named("b")]);
    assert.equal(await ask(), "b");
    const revived = createServer((socket) => socket.end("a")).listen(first.port, "127.0.0.1");
    servers.push(revived);
    await once(revived, "listening");
    assert.equal(await ask(), "b");
    nowMs += PENALTY_MS + 1;
    assert.equal(await ask(), "a");
  });

  test("still tries penalised servers when there is no other", async () => {
    const only = await dead();
    proxy.setEndpoints([only]);
    assert.equal(await ask(), "");
    const revived = createServer((socket) => socket.end("a")).listen(only.port, "127.0.0.1");
    servers.push(revived);
    await once(revived, "listening");
    assert.equal(await ask(), "a");
  });

  test("closes the connection when no server is known", async () => {
    assert.equal(await ask(), "");
  });

  test("passes bytes both ways", async () => {
    proxy.setEndpoints([await named("")]);
    const socket = connect(port, "127.0.0.1");
    socket.write("ping");
    const [data] = await once(socket, "data");
    assert.equal(String(data), "ping");
    socket.destroy();
  });

  test("follows a change of the list", async () => {
    proxy.setEndpoints([await named("a")]);
    assert.equal(await ask(), "a");
    proxy.setEndpoints([await named("b")]);
    assert.equal(await ask(), "b");
  });
});

describe("parseEndpoint()", () => {
  test("takes host and port", () => assert.deepEqual(parseEndpoint("10.0.0.1:6443"), { host: "10.0.0.1", port: 6443 }));

  for (const text of ["10.0.0.1", ":6443", "a:0", "a:65536", "a:b"]) {
    test(`refuses "${text}"`, () => assert.throws(() => parseEndpoint(text), { code: "endpoint" }));
  }
});
