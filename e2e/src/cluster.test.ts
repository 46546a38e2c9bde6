/**
 * One cluster of `mini up` in emulated machines, and in order what it must show on every change. The tests share the
 * boots: creation, and two starts of the worker.
 */
import { suite } from "node:test";
import { showDisk } from "./shows/disk.ts";
import { showEnd } from "./shows/end.ts";
import { showTraffic } from "./shows/traffic.ts";
import { shareCluster, showUp } from "./shows/up.ts";
import { showVerify } from "./shows/verify.ts";
import { showVolume } from "./shows/volumes.ts";
import { showWorkload } from "./shows/workload.ts";

void suite("mini cluster", { timeout: 5_000_000 }, () => {
  const shared = shareCluster();
  showUp(shared);
  showWorkload(shared);
  showVerify(shared);
  showTraffic(shared);
  showVolume(shared);
  showDisk(shared);
  showEnd(shared);
});
