import type { State } from "./state-schema.ts";
import { emptyState, withState } from "./state.ts";

/** Expected registers of an image that does not exist. */
export const MEASUREMENTS = {
  4: "a1".repeat(32),
  9: "b2".repeat(32),
  11: "c3".repeat(32),
  12: "0".repeat(64),
  13: "0".repeat(64),
} as const;

/** The state of machines without a cluster. */
export function preInitState(): State {
  return withState(emptyState(), {
    infrastructure: {
      uid: "abcd1234",
      name: "mini-abcd1234",
      clusterEndpoint: "127.9.9.1",
      inClusterEndpoint: "10.42.0.10",
      ipCidrNode: "10.42.0.0/24",
      qemu: {
        endorsementCA: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        accel: "tcg",
        nodes: [record("control-plane-0", "control-plane", "a"), record("worker-0", "worker", "b")],
      },
    },
  });
}

/** The state of a cluster. */
export function postInitState(): State {
  return withState(preInitState(), {
    clusterValues: { clusterID: "1f".repeat(32), measurementSalt: "2e".repeat(32) },
  });
}

function record(name: string, role: "control-plane" | "worker", digit: string) {
  const diskUUID = `${digit.repeat(8)}-0000-8000-8000-000000000000`;
  return { name, role, nodeGroup: "", ekDigest: digit.repeat(64), diskUUID, address: "" };
}
