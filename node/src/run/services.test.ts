import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { AgentService, createTcpClient, createUnixClient, fromConnectError, VerifyService } from "@constellation/rpc";
import { serveAgentSocket } from "./agent-socket.ts";
import { localFirst } from "./follow-api-servers.ts";
import { serveVerify, verifyReportData } from "./verify-service.ts";

/** Says what it was asked for. */
const echo = { issue: (reportData: Uint8Array) => Promise.resolve(reportData) };

describe("serveVerify()", () => {
  test("gives evidence over the caller's nonce and the service's own label", async () => {
    const server = await serveVerify(echo, { host: "127.0.0.1", port: 0 });
    const { client, close } = createTcpClient(VerifyService, { host: "127.0.0.1", port: server.address.port });
    const nonce = new Uint8Array(32).fill(4);
    assert.deepEqual((await client.getEvidence({ nonce })).evidence, verifyReportData(nonce));
    await assert.rejects(client.getEvidence({ nonce: new Uint8Array(31) }), (error: unknown) => {
      assert.equal(fromConnectError(error).code, "invalid-argument");
      return true;
    });
    await close();
    await server.close();
  });

  test("lets a short line wait for the TPM, and sends the others away", async () => {
    const gate = Promise.withResolvers<Uint8Array>();
    const server = await serveVerify({ issue: () => gate.promise }, { host: "127.0.0.1", port: 0 });
    const clients = Array.from({ length: 3 }, () =>
      createTcpClient(VerifyService, { host: "127.0.0.1", port: server.address.port }),
    );
    const calls = clients.flatMap(({ client }) =>
      Array.from({ length: 4 }, () => client.getEvidence({ nonce: new Uint8Array(32) })),
    );
    const refused = await Promise.any(
      calls.map((call) => call.then(() => Promise.reject(new Error("taken")), fromConnectError)),
    );
    assert.equal(refused.code, "resource-exhausted");
    gate.resolve(new Uint8Array(1));
    const taken = (await Promise.allSettled(calls)).filter(({ status }) => status === "fulfilled");
    assert.equal(taken.length, 8);
    await Promise.all(clients.map(({ close }) => close()));
    await server.close();
  });
});

describe("serveAgentSocket()", () => {
  test("gives evidence over the report data, to root only", async () => {
    const directory = mkdtempSync(join(tmpdir(), "constellation-agent-"));
    const path = join(directory, "agent.sock");
    const server = await serveAgentSocket(echo, path);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { client, close } = createUnixClient(AgentService, path);
    const reportData = new Uint8Array(64).fill(6);
    assert.deepEqual((await client.issueEvidence({ reportData })).evidence, reportData);
    await close();
    await server.close();
    rmSync(directory, { recursive: true });
  });
});

describe("localFirst()", () => {
  test("puts the node's own API server in front", () => {
    const servers = ["10.0.0.1", "10.0.0.2"].map((host) => ({ host, port: 6443 }));
    assert.deepEqual(
      localFirst(servers, "10.0.0.2").map(({ host }) => host),
      ["10.0.0.2", "10.0.0.1"],
    );
  });
});
