import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";
import type { RpcServer } from "./server.ts";
import { serveUnix } from "./unix.ts";

let folder: string;
let server: RpcServer<string>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "constellation-authority-"));
  server = await serveUnix({
    path: join(folder, "server.sock"),
    mode: 0o600,
    routes: (router) => void router.service(VerifyService, { getEvidence: () => ({}) }),
  });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

// What gRPC for Go writes for a unix socket, and what else is the authority of no URL.
for (const authority of ["%2Frun%2Fserver.sock", "[", "x:99999", "-".repeat(1000)]) {
  test(`a call with authority ${JSON.stringify(authority.slice(0, 24))} is served, and the next one, too`, async () => {
    for (let call = 0; call < 2; call++) assert.equal(await grpcStatus({ ":authority": authority }), "0");
  });
}

test("a call without an authority is served", async () => {
  assert.equal(await grpcStatus({}), "0");
});

for (const path of ["//[", "/%", "/?[", "/constellation.verify.v1.VerifyService/GetEvidence?%"]) {
  test(`a call of path ${path} ends no server`, async () => {
    await grpcStatus({ ":path": path });
    assert.equal(await grpcStatus({}), "0");
  });
}

/** Makes a call with nothing in it, and gives the status that ends it, if one does. */
async function grpcStatus(headers: Readonly<Record<string, string>>): Promise<unknown> {
  const session = connect("http://unix.invalid", { createConnection: () => connectSocket(server.address) });
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": "/constellation.verify.v1.VerifyService/GetEvidence",
      "content-type": "application/grpc+proto",
      te: "trailers",
      ...headers,
    });
    stream.end(Buffer.alloc(5));
    stream.resume();
    let status: unknown;
    stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    await once(stream, "close", { signal: AbortSignal.timeout(10_000) });
    return status;
  } finally {
    session.destroy();
  }
}
