/** Who is refused, by machines that try, one after the other: a boot each, so not on every change. */
import { suite } from "node:test";
import { showEnd } from "./shows/end.ts";
import { showRefusals } from "./shows/refusals.ts";
import { shareCluster } from "./shows/up.ts";

void suite("refusals", { timeout: 7_200_000 }, () => {
  const shared = shareCluster({ workers: 0 });
  showRefusals(shared);
  showEnd(shared);
});
