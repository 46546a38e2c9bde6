/** Who is refused, by machines that try: three more at once, which a computer without KVM has no room for on every change. */
import { suite } from "node:test";
import { showEnd } from "./shows/end.ts";
import { showRefusals } from "./shows/refusals.ts";
import { shareCluster } from "./shows/up.ts";

void suite("refusals", { timeout: 7_200_000 }, () => {
  const shared = shareCluster();
  showRefusals(shared);
  showEnd(shared);
});
