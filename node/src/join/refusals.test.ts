import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AtlsError } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import { Refusals } from "./refusals.ts";

const REFUSED = new AtlsError("peer-refused", "no", { peerCode: "evidence-refused" });
const AWAY = new AtlsError("connect-failed", "no");

/** How long the host is left alone after each of these errors in a row. */
function waitsAfter(errors: readonly unknown[]): number[] {
  let now = 1000;
  const refusals = new Refusals(() => now);
  return errors.map((error) => {
    refusals.note("10.42.0.2", error);
    const from = now;
    while (!refusals.isDue("10.42.0.2")) now += 500;
    return now - from;
  });
}

describe("Refusals", () => {
  test("leaves a host alone longer with each refusal, up to 15 s", () => {
    const waits = waitsAfter([REFUSED, REFUSED, REFUSED, REFUSED]);
    assert.deepEqual(waits, [5000, 10_000, 15_000, 15_000]);
  });

  test("takes a no of either side, in the handshake or in an answer, as a refusal", () => {
    const errors = [
      new AtlsError("evidence-refused", "no"),
      new NodeError("ticket", "no"),
      new RpcError("permission-denied", "no", { remoteCode: "disk_mismatch" }),
    ];
    for (const error of errors) assert.deepEqual(waitsAfter([error]), [5000], error.name);
  });

  test("never waits for a host that is not there yet, and forgets its refusals", () => {
    const gone = new RpcError("unavailable", "no");
    assert.deepEqual(
      waitsAfter([AWAY, gone, new AtlsError("timeout", "no"), new AtlsError("closed", "no")]),
      [0, 0, 0, 0],
    );
    assert.deepEqual(waitsAfter([REFUSED, REFUSED, AWAY, REFUSED]), [5000, 10_000, 0, 5000]);
  });

  test("keeps hosts apart", () => {
    const refusals = new Refusals(() => 1000);
    refusals.note("10.42.0.2", REFUSED);
    assert.deepEqual([refusals.isDue("10.42.0.2"), refusals.isDue("10.42.0.3")], [false, true]);
  });
});
