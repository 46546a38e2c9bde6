import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CONTROL_PLANE_FILES, type NodeRole as RecordedRole } from "@constellation/cluster-state";
import {
  FileSchema,
  IssueJoinTicketResponseSchema,
  NodeRole,
  type SelfRecovery,
  SelfRecoverySchema,
} from "@constellation/rpc";
import { PATHS } from "../options.ts";
import { type JoinTicket, parseJoinTicket } from "./ticket.ts";

type Ticket = MessageInitShape<typeof IssueJoinTicketResponseSchema>;

const PEM = new TextEncoder().encode("-----BEGIN CERTIFICATE-----");
const FILES = CONTROL_PLANE_FILES.map(({ path, mode }) => file(`${PATHS.pki}/${path}`, mode));

function file(path: string, mode = 0o600) {
  return create(FileSchema, { path, data: Uint8Array.of(1), mode });
}

function parse(asked: RecordedRole, changes: Ticket): JoinTicket {
  const ticket = {
    nodeName: "node-0",
    role: asked === "control-plane" ? NodeRole.CONTROL_PLANE : NodeRole.WORKER,
    stateDiskKey: new Uint8Array(32),
    kubeletCertificate: PEM,
    clusterCaCertificate: PEM,
    serviceCidr: "10.96.0.0/12",
    timingProfile: "default",
    ...changes,
  };
  return parseJoinTicket(create(IssueJoinTicketResponseSchema, ticket), asked);
}

function assertRefused(asked: RecordedRole, changes: Ticket, message: RegExp): void {
  assert.throws(() => parse(asked, changes), { code: "ticket", message });
}

describe("parseJoinTicket()", () => {
  test("takes the files that control planes share, for a control plane", () => {
    const { role, files } = parse("control-plane", { controlPlaneFiles: FILES });
    assert.equal(role, "control-plane");
    assert.deepEqual(
      files,
      FILES.map(({ path, data, mode }) => ({ path, data, mode })),
    );
  });

  test("takes a worker's ticket without files", () => {
    const { role, files } = parse("worker", {});
    assert.deepEqual([role, files], ["worker", []]);
  });

  for (const path of [
    "/etc/kubernetes/manifests/x.yaml",
    "/etc/kubernetes/pki/x.crt",
    "/etc/kubernetes/pki/../manifests/x.yaml",
    "/etc/kubernetes/pki/../pki/ca.crt",
    "/etc/kubernetes/pki//ca.crt",
    "/etc/passwd",
    "ca.crt",
    "",
  ]) {
    test(`refuses the file "${path}" for either role`, () => {
      const message = /control_plane_files\.path is ".*", wanted/;
      assertRefused("control-plane", { controlPlaneFiles: [...FILES.slice(1), file(path)] }, message);
      assertRefused("control-plane", { controlPlaneFiles: [...FILES, file(path)] }, /wanted no further file/);
      assertRefused("worker", { controlPlaneFiles: [file(path)] }, /wanted no further file/);
    });
  }

  test("refuses shared files for a machine that asked as a worker", () => {
    assertRefused(
      "worker",
      { controlPlaneFiles: FILES },
      /control_plane_files\.path is "\/etc\/kubernetes\/pki\/ca.crt"/,
    );
  });

  test("refuses a file that comes twice, and a missing one", () => {
    const [first, ...rest] = FILES;
    assert.ok(first !== undefined);
    assertRefused("control-plane", { controlPlaneFiles: [first, first, ...rest] }, /path is ".*\/ca\.crt", wanted/);
    assertRefused("control-plane", { controlPlaneFiles: rest }, /is "10 files", wanted each of ".*\/ca\.crt" once/);
    assertRefused("control-plane", {}, /control_plane_files is "0 files"/);
  });

  test("refuses a private file that others could read", () => {
    const files = FILES.map((shared) => (shared.path.endsWith("/sa.key") ? file(shared.path, 0o644) : shared));
    assertRefused("control-plane", { controlPlaneFiles: files }, /control_plane_files\.mode is "644", wanted 600/);
  });

  test("refuses another role than the one asked for", () => {
    const { CONTROL_PLANE, WORKER, UNSPECIFIED } = NodeRole;
    const asControlPlane = { role: CONTROL_PLANE, controlPlaneFiles: FILES };
    assertRefused("worker", asControlPlane, /role is "1", wanted 2 \(worker\)/);
    assertRefused("control-plane", { role: WORKER }, /role is "2", wanted 1 \(control-plane\)/);
    assertRefused("worker", { role: UNSPECIFIED }, /role is "0"/);
  });

  const recovery = (changes: MessageInitShape<typeof SelfRecoverySchema> = {}): SelfRecovery =>
    create(SelfRecoverySchema, {
      keyManagement: {
        kmsUri: "kms://kmip?caFile=/credentials/ca",
        credentials: [{ name: "ca", data: Uint8Array.of(1, 2, 3) }],
      },
      clusterId: new Uint8Array(32).fill(9),
      measurementSalt: new Uint8Array(32),
      roots: [{ generation: 1, salt: new Uint8Array(32), envelope: Uint8Array.of(1) }],
      ...(changes as object),
    });
  const clusterId = new Uint8Array(32).fill(9);

  test("takes the way to the KMS for a control plane, and keeps the only copy of its credentials", () => {
    const selfRecovery = recovery();
    const record = parse("control-plane", { controlPlaneFiles: FILES, clusterId, selfRecovery }).recovery;
    assert.deepEqual(record?.keyManagement.credentials.get("ca")?.reveal(), Uint8Array.of(1, 2, 3));
    assert.deepEqual(selfRecovery.keyManagement?.credentials[0]?.data, new Uint8Array(3));
  });

  test("refuses the way to the KMS for a worker, and one of another cluster", () => {
    assertRefused("worker", { clusterId, selfRecovery: recovery() }, /self_recovery is "there"/);
    const other = { controlPlaneFiles: FILES, clusterId: new Uint8Array(32), selfRecovery: recovery() };
    assertRefused("control-plane", other, /self_recovery\.cluster_id/);
  });

  const root = { generation: 1, salt: new Uint8Array(32), envelope: Uint8Array.of(1) };
  for (const [what, changes] of [
    ["without a KMS", { keyManagement: undefined }],
    ["with a file of the machine", { keyManagement: { kmsUri: "kms://kmip?caFile=/etc/passwd" } }],
    ["without the first generation", { roots: [{ ...root, generation: 2 }] }],
    ["with a generation twice", { roots: [root, root] }],
    ["with a salt of another length", { roots: [{ ...root, salt: new Uint8Array(31) }] }],
    ["with an empty envelope", { roots: [{ ...root, envelope: new Uint8Array() }] }],
    ["with a cluster ID of another length", { clusterId: new Uint8Array(31) }],
  ] as const) {
    test(`refuses a way to the KMS ${what}`, () => {
      const selfRecovery = recovery(changes as MessageInitShape<typeof SelfRecoverySchema>);
      assert.throws(() => parse("control-plane", { controlPlaneFiles: FILES, clusterId, selfRecovery }), {
        code: "request",
      });
    });
  }
});
