import { randomBytes } from "node:crypto";
import { MasterSecret } from "@constellation/keys";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { kmsCompliance } from "../testing/kms-compliance.ts";
import { storeCompliance } from "../testing/store-compliance.ts";
import { ClusterKms } from "./cluster-kms.ts";

const SALT = new Uint8Array(32).fill(2);

function clusterKms(fill: number): EnvelopeKms {
  const secret = (): MasterSecret => new MasterSecret(new Uint8Array(32).fill(fill));
  const masterSecret = () => Promise.resolve({ secret: secret(), salt: SALT });
  return new EnvelopeKms(new ClusterKms({ masterSecret }, randomBytes), randomBytes);
}

kmsCompliance("cluster KMS", ["otherKey"], async () => ({
  kind: "cluster-kms",
  kms: clusterKms(1),
  otherKey: clusterKms(3),
  stop: async () => undefined,
}));

storeCompliance("memory store", [], async () => {
  const store = new MemoryStore();
  return { store, other: store, stop: async () => undefined };
});
