import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { ClientRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { open, signed } from "./testing/client.ts";
import { bytes, completion, setUp, type Setting } from "./testing/setting.ts";

// Stores and clients that keep to no protocol, or not for long: nobody waits for them for ever.

const TIMEOUT = { timeout: 60_000 };
const PART = 5_242_880;

/** Sends the head of a signed request, and gives the connection. */
async function begin(context: TestContext, { proxy }: Setting, method: string, lengthBytes: number): Promise<Socket> {
  const { hostname, port } = new URL(proxy.endpoint);
  const socket = connect(Number(port), hostname);
  context.after(() => socket.destroy());
  await once(socket, "connect");
  const headers = signed(proxy.endpoint, "/bucket/key", {
    method,
    headers: { "content-length": `${lengthBytes}` },
    payload: "UNSIGNED-PAYLOAD",
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write(`${method} /bucket/key HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
  return socket;
}

test("a store that switches protocols is one without an answer, and holds no request", TIMEOUT, async (context) => {
  const { store, proxy, put, send } = await setUp(context);
  await put("/bucket/key", "content");
  store.intercept = (_, response) => {
    response.socket?.end("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    return true;
  };
  const lines = proxy.lines.length;
  const requests = [
    send("/bucket/key"),
    put("/bucket/key", "x"),
    put("/bucket/key", bytes(3_000_000)),
    send("/bucket/key", { method: "DELETE" }),
    send("/bucket/key", { query: { tagging: "" } }),
    send("/bucket/copy", { method: "PUT", headers: { "x-amz-copy-source": "/bucket/key" } }),
  ];
  for (const { status, code } of await Promise.all(requests)) {
    assert.deepEqual([status, code], [503, "ServiceUnavailable"]);
  }
  assert.equal((await send("/bucket/key", { method: "HEAD" })).status, 503);
  assert.equal(proxy.lines.length, lines + requests.length + 1);
  store.intercept = () => false;
  assert.equal((await send("/bucket/key")).body.toString(), "content");
});

test("a store that is silent is one without an answer", TIMEOUT, async (context) => {
  const { store, send } = await setUp(context);
  store.intercept = () => true;
  const path = "/bucket/silent";
  // The clock of a socket can't be put forward; what it says can be said. Nobody listens for it at the client's own request.
  const started = (message: unknown): void => {
    const { request } = message as { request: ClientRequest };
    if (request.path === path) setImmediate(() => request.emit("timeout"));
  };
  subscribe("http.client.request.start", started);
  context.after(() => unsubscribe("http.client.request.start", started));
  const { status, code } = await send(path);
  assert.deepEqual([status, code], [503, "ServiceUnavailable"]);
});

test("settings that a store sends by a byte now and then are given up, as any answer", TIMEOUT, async (context) => {
  const { store, proxy } = await setUp(context);
  store.intercept = (_, response) => {
    response.writeHead(200, { "content-type": "application/xml", "content-length": "100" }).write("<");
    return true;
  };
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = await open(proxy.endpoint, "/bucket", { query: { acl: "" } });
  const cut = new Promise((resolve) => answer.once("close", resolve));
  answer.on("error", () => {}).resume();
  for (let turns = 0; turns < 50; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  context.mock.timers.tick(121_000);
  await cut;
  assert.equal(answer.complete, false);
});

test("a refusal reaches a client that is still sending, which is then cut off", TIMEOUT, async (context) => {
  const setting = await setUp(context);
  const socket = await begin(context, setting, "POST", 100_000_000);
  let heard = "";
  socket.on("data", (piece: Buffer) => (heard += piece.toString("latin1"))).on("error", () => {});
  const sending = setInterval(() => socket.write(Buffer.alloc(65_536)), 2);
  context.after(() => clearInterval(sending));
  await once(socket, "close");
  assert.match(heard, /^HTTP\/1\.1 501 [^]*<Code>NotImplemented<[^]*<\/Error>$/);
});

test("a client that goes on with a body that nobody asked for is cut off", TIMEOUT, async (context) => {
  const setting = await setUp(context);
  await setting.put("/bucket/key", "content");
  const socket = await begin(context, setting, "GET", 1_000_000);
  let heard = "";
  socket.on("data", (piece: Buffer) => (heard += piece.toString("latin1"))).on("error", () => {});
  const trickle = setInterval(() => socket.write("x"), 50);
  context.after(() => clearInterval(trickle));
  await once(socket, "close");
  assert.match(heard, /^HTTP\/1\.1 200 [^]*content$/);
});

test("a body that came with a GET does not end its connection", TIMEOUT, async (context) => {
  const setting = await setUp(context);
  await setting.put("/bucket/key", "content");
  const socket = await begin(context, setting, "GET", 5);
  socket.write("bytes");
  await once(socket, "data");
  await delay(1_500);
  assert.equal(socket.destroyed, false);
  assert.equal(socket.readableEnded, false);
});

test("what a presigned query has for headers is taken by its bytes, and refused where no header can be so", async (context) => {
  const { store, send } = await setUp(context);
  const put = (query: Record<string, string>) => send("/bucket/key", { method: "PUT", body: "x", query });
  assert.equal((await put({ "x-amz-meta-a": "ä 日本" })).status, 200);
  const kept = store.object("bucket/key").headers["x-amz-meta-a"] ?? "";
  assert.equal(Buffer.from(kept.toString(), "latin1").toString("utf8"), "ä 日本");
  for (const query of [{ "x-amz-meta-a": "b\r\nx-evil: 1" }, { "x-amz-meta-a b": "x" }, { "x-amz-meta-a": "\u007f" }]) {
    const { status, code } = await put(query as Record<string, string>);
    assert.deepEqual([status, code], [400, "InvalidArgument"]);
  }
});

test("the size that a client expects of a completed upload is compared with its parts, and not told to the store", async (context) => {
  const { store, send, upload } = await setUp(context);
  const told: unknown[] = [];
  store.intercept = ({ headers }) => {
    told.push(headers["x-amz-mp-object-size"]);
    return false;
  };
  const { uploadId, etags } = await upload("/bucket/key", [bytes(100)]);
  const complete = (size: string) => {
    const headers = { "x-amz-mp-object-size": size };
    return send("/bucket/key", { method: "POST", query: { uploadId }, body: completion(etags), headers });
  };
  assert.equal((await complete("99")).code, "InvalidRequest");
  assert.equal((await complete("100")).status, 200);
  assert.deepEqual(new Set(told), new Set([undefined]));
});

test("an empty last part has no range that could be read", async (context) => {
  const { send, upload } = await setUp(context);
  const { uploadId, etags } = await upload("/bucket/key", [bytes(PART), new Uint8Array()]);
  const completed = await send("/bucket/key", { method: "POST", query: { uploadId }, body: completion(etags) });
  assert.equal(completed.status, 200);
  assert.equal((await send("/bucket/key", { query: { partNumber: "1" } })).body.length, PART);
  const { status, code } = await send("/bucket/key", { query: { partNumber: "2" } });
  assert.deepEqual([status, code], [416, "InvalidRange"]);
  assert.equal((await send("/bucket/key", { method: "HEAD", query: { partNumber: "2" } })).status, 416);
});
