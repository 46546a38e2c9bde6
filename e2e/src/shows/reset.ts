import assert from "node:assert/strict";
import { resetNode } from "@constellation/infrastructure-local";
import { createMarker } from "../harness/marker.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { BEFORE_WIREGUARD_TCP_PORTS } from "../harness/traffic.ts";
import { captureTraffic } from "./traffic.ts";
import { assertComesBack, fileOf, readMarker, WORKER, workerNow, writeMarker } from "./writer.ts";

/** Show 5: a node that is reset comes back by itself, and nothing but what is listed is on the wire meanwhile. */
export function showReset(shared: SharedCluster): void {
  const marker = createMarker();
  const title = "a worker that is reset by force comes back with no human, and its pod with its file";
  show(title, shared, async (cluster, t) => {
    await writeMarker(cluster, marker);
    const before = await workerNow(cluster);
    await captureTraffic(cluster, "rejoin", marker, BEFORE_WIREGUARD_TCP_PORTS, t, async () => {
      await resetNode(cluster.workspace, WORKER);
      await assertComesBack(cluster, before);
    });
    assert.equal(await readMarker(cluster), fileOf(marker));
  });
}
