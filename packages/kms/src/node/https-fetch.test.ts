import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { after, test } from "node:test";
import { TestCa } from "@constellation/testkit/test-ca";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { call, type HttpAnswer } from "../http/call.ts";
import type { Fetch, FetchInit } from "../http/fetch.ts";
import type { Fault } from "../testing/faults.ts";
import { impatientTools } from "../testing/test-tools.ts";
import { createFetch } from "./https-fetch.ts";

const { signal } = new AbortController();
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function portOf(server: Server): Promise<number> {
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const ask = (
  fetch: Fetch,
  url: string,
  body?: Uint8Array,
  between?: { readonly fault: Fault },
): Promise<HttpAnswer> => {
  const request = {
    method: body === undefined ? "GET" : "PUT",
    url,
    headers: {},
    ...(body === undefined ? {} : { body }),
  };
  const made = request as FetchInit & { url: string };
  return call(
    { side: "kms", name: "Test" },
    impatientTools(fetch, between),
    signal,
    () => made,
    (answer) => answer,
  );
};
const coded =
  (...codes: readonly KmsErrorCode[]) =>
  (error: unknown) =>
    error instanceof KmsError && codes.includes(error.code);

const echo: RequestListener = (request, response) => {
  const { method = "", headers } = request;
  response.writeHead(200, { "x-method": method, "x-length": headers["content-length"] ?? "none" });
  request.pipe(response);
};

test("createFetch() sends a body with its length, and gives the answer", async () => {
  const port = await portOf(createServer(echo));
  const answer = await ask(createFetch(), `http://127.0.0.1:${port}/`, Uint8Array.of(1, 2, 3));
  assert.deepEqual([...answer.body], [1, 2, 3]);
  assert.equal(answer.headers.get("x-length"), "3");
  assert.equal((await ask(createFetch(), `http://127.0.0.1:${port}/`)).headers.get("x-length"), "none");
});

test("createFetch() trusts the given CA alone, and for the server's name alone", async () => {
  const [ca, other] = await Promise.all([TestCa.create("KMS"), TestCa.create("Other")]);
  const serve = async (addresses: readonly string[]): Promise<string> => {
    const { certificatePem, keyPem } = await ca.issue({ commonName: "server", addresses });
    return `https://127.0.0.1:${await portOf(createSecureServer({ cert: certificatePem, key: keyPem }, echo))}/`;
  };
  const [right, elsewhere] = [await serve(["127.0.0.1"]), await serve(["127.0.0.2"])];
  assert.equal((await ask(createFetch(ca.certificatePem), right)).status, 200);
  await assert.rejects(ask(createFetch(other.certificatePem), right), coded("kms_untrusted"));
  await assert.rejects(ask(createFetch(), right), coded("kms_untrusted"));
  await assert.rejects(ask(createFetch(ca.certificatePem), elsewhere), coded("kms_untrusted"));
});

test("createFetch() ends with a server that is not there, hangs up, or says other things", async () => {
  const closed = createTcpServer();
  const port = await portOf(closed);
  closed.close();
  await once(closed, "close");
  await assert.rejects(ask(createFetch(), `http://127.0.0.1:${port}/`), coded("kms_unreachable"));
  const hangsUp = await portOf(createTcpServer((socket) => socket.destroy()));
  await assert.rejects(ask(createFetch(), `http://127.0.0.1:${hangsUp}/`), coded("kms_unreachable"));
  const noHttp = await portOf(createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n")));
  await assert.rejects(ask(createFetch(), `http://127.0.0.1:${noHttp}/`), coded("kms_unreachable"));
  const cut = await portOf(
    createTcpServer((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")),
  );
  await assert.rejects(ask(createFetch(), `http://127.0.0.1:${cut}/`), coded("kms_unreachable"));
});

test("createFetch() ends with a server that never answers, or never stops", async () => {
  const silent = await portOf(createTcpServer((socket) => socket.on("error", () => undefined)));
  await assert.rejects(
    ask(createFetch(), `http://127.0.0.1:${silent}/`, undefined, { fault: "silent" }),
    coded("kms_timeout"),
  );
  const endless = createServer((_, response) => {
    const more = (): void =>
      void (response.write(Buffer.alloc(16_384)) ? setImmediate(more) : response.once("drain", more));
    response.writeHead(200);
    more();
  });
  await assert.rejects(ask(createFetch(), `http://127.0.0.1:${await portOf(endless)}/`), coded("kms_answer"));
});

test("createFetch() follows no redirect", async () => {
  const port = await portOf(createServer((_, response) => response.writeHead(307, { location: "/other" }).end()));
  assert.equal((await ask(createFetch(), `http://127.0.0.1:${port}/`)).status, 307);
});
