/**
 * One cluster of `mini up` in emulated machines, and in order everything that it must show. The tests share the boots:
 * creation, three more machines that are refused, and three starts of the worker.
 */
import { after, before, suite } from "node:test";
import { MiniCluster } from "./harness/mini-cluster.ts";
import { showDisk } from "./shows/disk.ts";
import { showEnd } from "./shows/end.ts";
import { showRefusals } from "./shows/refusals.ts";
import { showTraffic } from "./shows/traffic.ts";
import { createCluster, showUp } from "./shows/up.ts";
import { showVerify } from "./shows/verify.ts";
import { showWorkload } from "./shows/workload.ts";

void suite("mini cluster", { timeout: 5_000_000 }, () => {
  let cluster: MiniCluster | undefined;
  const shared = (): MiniCluster => {
    if (cluster === undefined) throw new Error("there is no cluster: its creation failed");
    return cluster;
  };
  before(async () => {
    const prepared = await MiniCluster.prepare();
    try {
      await createCluster(prepared);
      cluster = prepared;
    } catch (error) {
      await prepared.remove();
      throw error;
    }
  });
  after(async () => {
    await cluster?.remove();
  });
  showUp(shared);
  showWorkload(shared);
  showVerify(shared);
  showTraffic(shared);
  showRefusals(shared);
  showDisk(shared);
  showEnd(shared);
});
