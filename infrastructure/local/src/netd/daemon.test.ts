import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { INIT_PORT } from "../addressing.ts";
import { temporaryFolder } from "../testing.ts";
import type { NetdConfig } from "./config.ts";
import { Netd } from "./daemon.ts";

const ENDPOINT = "127.211.9.1";
const BACKENDS = [
  { name: "control-plane-0", loopbackAddress: "127.211.9.10" },
  { name: "control-plane-1", loopbackAddress: "127.211.9.11" },
];

async function ask(): Promise<string> {
  const socket = connect(INIT_PORT, ENDPOINT);
  socket.end("hello");
  return await text(socket);
}

test("Netd leads the init port to no control plane but the first", async (t) => {
  let connections = 0;
  const second = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  second.listen(INIT_PORT, BACKENDS[1]?.loopbackAddress);
  await once(second, "listening");
  t.after(() => second.close());
  const folder = await temporaryFolder(t);
  const config: NetdConfig = {
    version: 1,
    controlSocket: join(folder, "netd.sock"),
    gatewaySocket: join(folder, "gateway.sock"),
    endpoint: { address: ENDPOINT, ports: [INIT_PORT] },
    hostPorts: [],
    ports: [],
    backends: BACKENDS,
  };
  const netd = new Netd(config, join(folder, "netd.json"));
  await netd.start();
  t.after(() => netd.stop());
  // Where the first one is not there, the caller hears so; nobody else may be initialised in its place.
  await assert.rejects(ask(), { code: "ECONNRESET" });
  await assert.rejects(ask(), { code: "ECONNRESET" });
  assert.equal(connections, 0);
});
