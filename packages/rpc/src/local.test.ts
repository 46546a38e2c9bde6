import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { peerOf } from "./connection-facts.ts";
import { AgentService } from "./gen/constellation/agent/v1/agent_pb.ts";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";
import { createTcpClient, serveTcp } from "./tcp.ts";
import { closing, echoRoutes, rpcErrorOf } from "./test-support.ts";
import { createUnixClient, serveUnix } from "./unix.ts";

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "constellation-rpc-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("serveUnix() and createUnixClient() carry calls over a socket with the mode asked for", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "agent.sock");
  await using server = closing(
    await serveUnix({
      path,
      mode: 0o660,
      routes: (router) =>
        void router.service(AgentService, { issueEvidence: async ({ reportData }) => ({ evidence: reportData }) }),
    }),
  );
  assert.equal((await stat(path)).mode & 0o777, 0o660);
  await using closable = closing(createUnixClient(AgentService, path));
  const { client } = closable;
  assert.deepEqual((await client.issueEvidence({ reportData: Uint8Array.of(1, 2) })).evidence, Uint8Array.of(1, 2));
  await closable.close();
  await server.close();
  await assert.rejects(stat(path), { code: "ENOENT" });
});

test("serveUnix() replaces the socket of a dead process, and no other file or living socket", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "agent.sock");
  const script = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script, path]);
  assert.ok((await stat(path)).isSocket());
  await using server = closing(await serveUnix({ path, mode: 0o600, routes: echoRoutes() }));
  await assert.rejects(serveUnix({ path, mode: 0o600, routes: echoRoutes() }), { code: "unavailable" });
  await server.close();
  await writeFile(path, "a file");
  await assert.rejects(serveUnix({ path, mode: 0o600, routes: echoRoutes() }), { code: "unavailable" });
});

test("createUnixClient() reports a path where nobody listens as unavailable, and connects once someone does", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "agent.sock");
  await using closable = closing(createUnixClient(VerifyService, path));
  const { client } = closable;
  assert.equal((await rpcErrorOf(client.getEvidence({}))).code, "unavailable");
  await using _server = closing(await serveUnix({ path, mode: 0o600, routes: echoRoutes() }));
  assert.deepEqual((await client.getEvidence({ nonce: Uint8Array.of(7) })).evidence, Uint8Array.of(7));
});

test("serveTcp() and createTcpClient() carry calls", async () => {
  await using server = closing(await serveTcp({ host: "127.0.0.1", port: 0, routes: echoRoutes() }));
  await using closable = closing(createTcpClient(VerifyService, { host: "127.0.0.1", port: server.address.port }));
  const { client } = closable;
  assert.deepEqual((await client.getEvidence({ nonce: Uint8Array.of(7) })).evidence, Uint8Array.of(7));
});

test("serveTcp() has no peer to give", async () => {
  await using server = closing(
    await serveTcp({ host: "127.0.0.1", port: 0, routes: echoRoutes((context) => peerOf(context)) }),
  );
  await using closable = closing(createTcpClient(VerifyService, { host: "127.0.0.1", port: server.address.port }));
  const { client } = closable;
  assert.equal((await rpcErrorOf(client.getEvidence({}))).code, "internal");
});

test("serveTcp() serves gRPC only", async () => {
  let calls = 0;
  await using server = closing(await serveTcp({ host: "127.0.0.1", port: 0, routes: echoRoutes(() => (calls += 1)) }));
  const session = connectHttp2(`http://127.0.0.1:${server.address.port}`);
  const request = session.request({
    ":method": "POST",
    ":path": "/constellation.verify.v1.VerifyService/GetEvidence",
    "content-type": "application/json",
  });
  request.end("{}");
  const status = await new Promise((resolve) => request.once("response", (headers) => resolve(headers[":status"])));
  assert.equal(status, 415);
  assert.equal(calls, 0);
  session.destroy();
});

test("serveTcp() reports a port that is taken", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address() as { port: number };
  await assert.rejects(serveTcp({ host: "127.0.0.1", port, routes: echoRoutes() }), { code: "unavailable" });
  taken.close();
});
