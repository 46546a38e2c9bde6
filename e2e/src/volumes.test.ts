/**
 * Persistent volumes of a cluster of emulated machines: a database that lives through everything, and a volume that notices
 * damage. It takes the debug image, to look at devices from within the node.
 */
import { suite } from "node:test";
import { shareCluster } from "./shows/up.ts";
import { showDatabase, showIntegrityVolume } from "./shows/volumes.ts";

void suite("persistent volumes", { timeout: 9_000_000 }, () => {
  const shared = shareCluster({ debug: true, etcd: true });
  showDatabase(shared);
  showIntegrityVolume(shared);
});
