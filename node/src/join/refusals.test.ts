import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AtlsError } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { NodeError } from "../errors.ts";
import { Refusals } from "./refusals.ts";

const REFUSED = new AtlsError("peer-refused", "no", { peerCode: "evidence-refused" });
const NOT_NOW = new RpcError("unavailable", "no", { remoteCode: "key_service_unavailable" });
const AWAY = new AtlsError("connect-failed", "no");

/** How long the host is left alone after each of these errors in a row. */
function waitsAfter(errors: readonly unknown[]): number[] {
  let now = 1000;
  const refusals = new Refusals(() => now);
  return errors.map((error) => {
    refusals.note("10.42.0.2", error);
    const from = now;
    while (!refusals.isDue("10.42.0.2")) now += 100;
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

  test("backs off from 100 ms up to 3 s from a service that says to try again", () => {
    assert.deepEqual(waitsAfter(Array(7).fill(NOT_NOW)), [100, 200, 400, 800, 1600, 3000, 3000]);
  });

  test("takes every answer of a service that can't serve now as one to try again, also in the handshake", () => {
    const unread = { peerCode: "evidence-refused", peerReason: "cluster_state_unavailable" };
    const errors = [
      ...["key_service_unavailable", "pki_unavailable", "cluster_state_unavailable"].map(
        (remoteCode) => new RpcError("unavailable", "no", { remoteCode }),
      ),
      ...["busy", "too_many_attempts"].map((remoteCode) => new RpcError("resource-exhausted", "no", { remoteCode })),
      new AtlsError("peer-refused", "no", unread),
    ];
    for (const error of errors) assert.deepEqual(waitsAfter([error]), [100], error.message);
  });

  test("takes other reasons in the handshake, and reasons of our own appraiser, as a refusal", () => {
    const peerCode = "evidence-refused";
    const errors = [
      new AtlsError("peer-refused", "no", { peerCode, peerReason: "pcr_mismatch" }),
      new AtlsError("peer-refused", "no", { peerCode, peerReason: "cluster_state_invalid" }),
      new AtlsError("peer-refused", "no", { peerCode, peerText: "cluster_state_unavailable" }),
      new AtlsError("evidence-refused", "no", { peerReason: "cluster_state_unavailable" }),
      new RpcError("failed-precondition", "no", { remoteCode: "cluster_state_invalid" }),
    ];
    for (const error of errors) assert.deepEqual(waitsAfter([error]), [5000], error.message);
  });

  test("counts refusals and answers to try again apart", () => {
    assert.deepEqual(waitsAfter([REFUSED, NOT_NOW, NOT_NOW, REFUSED, REFUSED]), [5000, 100, 200, 5000, 10_000]);
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
