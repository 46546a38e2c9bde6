import type { z } from "zod";
import { isHex, isUuid } from "./formats.ts";
import { choice, fields, listOf, text } from "./schema.ts";
import { STATE_VERSION } from "./constants.ts";

const anyText = text("a string").default("");
const sha256 = text("64 hexadecimal digits in quotes", (value) => isHex(value, 32)).transform((value) =>
  value.toLowerCase(),
);
const hex32 = text("64 hexadecimal digits in quotes, or empty", (value) => value === "" || isHex(value, 32))
  .transform((value) => value.toLowerCase())
  .default("");

const nodeRecord = fields({
  name: text("a node name that is not empty", (value) => value !== ""),
  role: choice(["control-plane", "worker"]),
  nodeGroup: anyText,
  ekDigest: sha256,
  diskUUID: text("a UUID in lower case", isUuid),
  address: anyText,
});

const qemu = fields({
  endorsementCA: text(
    "a certificate in PEM",
    (value) => value === "" || value.includes("-----BEGIN CERTIFICATE-----"),
  ).default(""),
  accel: choice(["", "kvm", "tcg"]).default(""),
  nodes: listOf(nodeRecord, "a list of node records").default([]),
  /**
   * Workers whose removal has begun, and whose Node objects Kubernetes may still have. A record stands here before its
   * machine is ended, so that a run which was cut off is finished by the next.
   */
  removing: listOf(nodeRecord, "a list of node records").optional(),
});

const azure = fields({
  resourceGroup: anyText,
  subscriptionID: anyText,
  networkSecurityGroupName: anyText,
  loadBalancerName: anyText,
  userAssignedIdentity: anyText,
  attestationURL: anyText,
});

const infrastructure = fields({
  uid: anyText,
  clusterEndpoint: anyText,
  inClusterEndpoint: anyText,
  initSecret: text("hexadecimal digits", (value) => /^([0-9a-fA-F]{2})*$/.test(value)).default(""),
  apiServerCertSANs: listOf(text("a host name or an address"), "a list of host names and addresses").default([]),
  name: anyText,
  ipCidrNode: anyText,
  azure: azure.optional(),
  gcp: fields({ projectID: anyText, ipCidrPod: anyText }).optional(),
  openstack: fields({ networkID: anyText, subnetID: anyText }).optional(),
  qemu: qemu.optional(),
  /** Records of machines that were not made by this program; their ekDigest is what their evidence says they are known by. */
  nodes: listOf(nodeRecord, "a list of node records").optional(),
});

/** Schema of `constellation-state.yaml`, version 1. */
export const stateSchema = fields({
  version: choice([STATE_VERSION]),
  infrastructure: infrastructure.prefault({}),
  clusterValues: fields({
    clusterID: hex32,
    ownerID: anyText,
    measurementSalt: hex32,
    /** Of a cluster with an external KMS: whether this workspace still has to delete the master secret, keeps it, or did. */
    masterSecret: choice(["pending", "kept", "deleted"]).optional(),
  }).prefault({}),
});

/** What is known of a cluster beside its configuration: its infrastructure and, once initialised, its identity. */
export type State = Readonly<z.output<typeof stateSchema>>;

/** The part of the state that describes the infrastructure. */
export type Infrastructure = State["infrastructure"];

/** Record of a machine: which endorsement identity may be which node (T5). */
export type NodeRecord = z.output<typeof nodeRecord>;
