import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { after, before, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { TestCa, type TestIdentity } from "@constellation/testkit/test-ca";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { kmipExchange } from "./kmip-exchange.ts";

const { signal } = new AbortController();
const REQUEST = Uint8Array.of(1, 2, 3);
const MESSAGE = Uint8Array.of(0x42, 0, 0x7b, 1, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8);
const servers: Server[] = [];
let ca: TestCa;
let server: TestIdentity;
let client: TestIdentity;

before(async () => {
  ca = await TestCa.create("KMIP");
  server = await ca.issue({ commonName: "server", addresses: ["127.0.0.1"], usages: ["server"] });
  client = await ca.issue({ commonName: "client", usages: ["client"] });
});
after(() => {
  for (const one of servers) one.close();
});

/** Asks a server that answers a request by `answer`. */
async function ask(answer: (socket: TLSSocket) => void, trusted = ca.certificatePem): Promise<Uint8Array> {
  const identity = { cert: server.certificatePem, key: server.keyPem };
  const listening = createServer(
    { ...identity, ca: ca.certificatePem, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.on("error", () => undefined).once("data", () => answer(socket));
    },
  );
  listening.on("tlsClientError", () => undefined);
  servers.push(listening.listen(0, "127.0.0.1"));
  await once(listening, "listening");
  const files = new Map([
    ["/ca", trusted],
    ["/crt", client.certificatePem],
    ["/key", client.keyPem],
  ]);
  const readFile = async (path: string): Promise<Uint8Array> => utf8(files.get(path) ?? "");
  const { port } = listening.address() as AddressInfo;
  const address = { host: "127.0.0.1", port, caFile: "/ca", certificateFile: "/crt", keyFile: "/key" };
  return kmipExchange(address, { readFile })(REQUEST, signal);
}

const coded =
  (...codes: readonly KmsErrorCode[]) =>
  (error: unknown) => {
    assert.ok(error instanceof KmsError && codes.includes(error.code), String(error));
    return true;
  };

test("kmipExchange() gives a message that comes whole or in pieces", async () => {
  assert.deepEqual(new Uint8Array(await ask((socket) => socket.write(MESSAGE))), MESSAGE);
  const pieces = await ask((socket) => {
    socket.write(MESSAGE.subarray(0, 3));
    setImmediate(() => socket.write(MESSAGE.subarray(3)));
  });
  assert.deepEqual(new Uint8Array(pieces), MESSAGE);
});

test("kmipExchange() refuses answers that are cut, too long, or longer than they say", async () => {
  await assert.rejects(
    ask((socket) => socket.end(MESSAGE.subarray(0, 12))),
    coded("kms_unreachable"),
  );
  await assert.rejects(
    ask((socket) => socket.end()),
    coded("kms_unreachable"),
  );
  await assert.rejects(
    ask((socket) => socket.write(Uint8Array.of(0x42, 0, 0x7b, 1, 0xff, 0xff, 0xff, 0xff))),
    coded("kms_answer"),
  );
  await assert.rejects(
    ask((socket) => socket.write(Buffer.concat([MESSAGE, MESSAGE]))),
    coded("kms_answer"),
  );
});

test("kmipExchange() trusts the given CA alone", async () => {
  const other = await TestCa.create("Other");
  await assert.rejects(
    ask((socket) => socket.write(MESSAGE), other.certificatePem),
    coded("kms_untrusted"),
  );
});

test("kmipExchange() names the file that it can't read", async () => {
  const address = { host: "127.0.0.1", port: 1, caFile: "/ca", certificateFile: "/crt", keyFile: "/key" };
  const readFile = (path: string): Promise<Uint8Array> => Promise.reject(new Error(`ENOENT ${path}`));
  await assert.rejects(kmipExchange(address, { readFile })(REQUEST, signal), coded("credentials_unreadable"));
});
