/**
 * Everything that is encrypted in a cluster of emulated machines, but its nodes' disks: a database that lives through
 * everything, a volume that notices damage, objects, who gets keys, and keys that change. It takes the debug image, to look
 * at devices from within the node.
 */
import { suite } from "node:test";
import { showKeyService, showRotation } from "./shows/keys.ts";
import { showObjects } from "./shows/objects.ts";
import { shareCluster } from "./shows/up.ts";
import { showDatabase, showIntegrityVolume } from "./shows/volumes.ts";

void suite("volumes, objects and keys", { timeout: 18_000_000 }, () => {
  const shared = shareCluster({ debug: true, stores: ["etcd", "minio"] });
  showKeyService(shared);
  showObjects(shared);
  showDatabase(shared);
  showIntegrityVolume(shared);
  showRotation(shared);
});
