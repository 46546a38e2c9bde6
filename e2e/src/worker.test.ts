/**
 * A worker's way through a reset by force, a damaged disk and out of the cluster. Each takes minutes of emulation, so
 * not on every change.
 */
import { suite } from "node:test";
import { showFlippedByte } from "./shows/disk.ts";
import { showEnd } from "./shows/end.ts";
import { showReset } from "./shows/reset.ts";
import { showScaleDown } from "./shows/scale.ts";
import { shareCluster } from "./shows/up.ts";

void suite("life of a worker", { timeout: 5_000_000 }, () => {
  const shared = shareCluster();
  showReset(shared);
  showFlippedByte(shared);
  showScaleDown(shared);
  showEnd(shared);
});
