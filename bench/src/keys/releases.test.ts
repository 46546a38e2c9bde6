import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyServiceClient } from "@constellation/key-client";
import { DataKey } from "@constellation/keys";
import { openClients, rowsOf, run, type Side } from "./releases.ts";

test("rowsOf() counts releases over all rounds and compares them by the clock and by processor time", () => {
  const service = [
    { timesMs: [1, 2, 3, 10], elapsedMs: 20, cpuMs: 6 },
    { timesMs: [1, 2, 3, 4], elapsedMs: 20, cpuMs: 6 },
  ];
  const floor = service.map(({ timesMs }, index) => ({ timesMs, elapsedMs: index === 0 ? 10 : 5, cpuMs: 3 }));
  assert.deepEqual(rowsOf("in sequence", { service, floor }), [
    {
      what: "key releases, in sequence",
      figure: "200 per second, min 1.00 ms, p50 3.00 ms, p99 10.00 ms; processor time 1.50 ms each",
    },
    {
      what: "  floor: RPC over TLS with constant bytes",
      figure: "533 per second, min 1.00 ms, p50 3.00 ms, p99 10.00 ms; processor time 0.75 ms each",
    },
    {
      what: "  ratio of releases per second to the floor's",
      figure: "0.38 (median of rounds 0.50, least 0.25, most 0.50)",
    },
    { what: "  ratio of processor time for each to the floor's", figure: "2.00" },
  ]);
});

test("run() has clients ask for other keys all the time, at once, and wipes what they get", async () => {
  const keyIds: string[] = [];
  const keys: DataKey[] = [];
  let open = 0;
  let mostOpen = 0;
  const getDataKey: KeyServiceClient["getDataKey"] = async ({ keyId, lengthBytes }) => {
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    await Promise.resolve();
    open -= 1;
    keyIds.push(keyId);
    const key = new DataKey(new Uint8Array(lengthBytes).fill(1));
    keys.push(key);
    return { key, generation: 1 };
  };
  let cpuMs = 0;
  const side: Side = {
    program: { cpuMs: async () => (cpuMs += 4) },
    client: async () => ({ getDataKey, close: async () => {} }),
  };
  const clients = await openClients(side, ["a", "b", "c"]);
  assert.deepEqual([keyIds.length, mostOpen], [3, 1]);
  const found = await run(side, clients, 5);
  assert.deepEqual([found.timesMs.length, found.cpuMs, mostOpen], [15, 4, 3]);
  assert.equal(new Set(keyIds).size, 18);
  for (const key of keys) assert.deepEqual(key.reveal(), new Uint8Array(32));
});
