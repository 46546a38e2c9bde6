/**
 * One cluster of `mini up` in emulated machines, and in order everything that it must show. The tests share the boots:
 * creation, three more machines that are refused, and two starts of the worker.
 */
import { suite } from "node:test";
import { showDisk } from "./shows/disk.ts";
import { showEnd } from "./shows/end.ts";
import { showRefusals } from "./shows/refusals.ts";
import { showTraffic } from "./shows/traffic.ts";
import { shareCluster, showUp } from "./shows/up.ts";
import { showVerify } from "./shows/verify.ts";
import { showWorkload } from "./shows/workload.ts";

void suite("mini cluster", { timeout: 5_000_000 }, () => {
  const shared = shareCluster();
  showUp(shared);
  showWorkload(shared);
  showVerify(shared);
  showTraffic(shared);
  showRefusals(shared);
  showDisk(shared);
  showEnd(shared);
});
