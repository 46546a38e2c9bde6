import { create } from "@bufbuild/protobuf";
import { PCR_INDICES, type PcrIndex, type PcrPolicy, serializePolicy } from "@constellation/attestation";
import { type InitRequest, InitRequestSchema, NodeRole } from "@constellation/rpc";
import type { Platform } from "../machine/node.ts";

/** A request that initialises the given machine as `control-plane-0` of a cluster with one worker. */
export function initRequest(platform: Platform): InitRequest {
  const pcrs = Object.fromEntries(
    PCR_INDICES.map((index): [PcrIndex, PcrPolicy] => [index, { kind: "any", reason: "test" }]),
  ) as Record<PcrIndex, PcrPolicy>;
  return create(InitRequestSchema, {
    clusterName: "mini",
    masterSecret: new Uint8Array(32).fill(1),
    masterSecretSalt: new Uint8Array(32).fill(2),
    measurementSalt: new Uint8Array(32).fill(3),
    kubernetesVersion: "v1.36.4",
    serviceCidr: "10.96.0.0/12",
    apiServerCertSans: ["203.0.113.7", "cluster.example.org"],
    nodes: [
      {
        name: "control-plane-0",
        role: NodeRole.CONTROL_PLANE,
        ekDigest: platform.attester.machineDigest,
        diskUuid: platform.diskUuid,
      },
      {
        name: "worker-0",
        role: NodeRole.WORKER,
        ekDigest: new Uint8Array(32).fill(0xe2),
        diskUuid: "5c7c0000-0000-8000-8000-000000000002",
      },
    ],
    attestationPolicy: serializePolicy({
      variant: "qemu-vtpm",
      endorsementRoots: [],
      pcrs,
      endorsements: { kind: "anyOf", ekDigests: [] },
    }),
    registryMirrors: [{ registry: "_default", endpoints: ["http://10.42.0.1:5000"] }],
    timingProfile: "default",
  });
}
