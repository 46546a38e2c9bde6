import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CONTROL_PLANE_FILES, type NodeRole as RecordedRole } from "@constellation/cluster-state";
import {
  EtcdSecretsKeySchema,
  FileSchema,
  IssueJoinTicketResponseSchema,
  IssueRejoinTicketResponseSchema,
  NodeRole,
  type SelfRecovery,
  SelfRecoverySchema,
} from "@constellation/rpc";
import { PATHS } from "../options.ts";
import { type JoinTicket, parseJoinTicket, parseRejoinTicket } from "./ticket.ts";

type Ticket = MessageInitShape<typeof IssueJoinTicketResponseSchema>;

const PEM = new TextEncoder().encode("-----BEGIN CERTIFICATE-----");
const FILES = CONTROL_PLANE_FILES.map(({ path, mode }) => file(`${PATHS.pki}/${path}`, mode));

function file(path: string, mode = 0o600) {
  return create(FileSchema, { path, data: Uint8Array.of(1), mode });
}

function etcdKey(generation: number, lengthBytes = 32) {
  return create(EtcdSecretsKeySchema, { generation, key: new Uint8Array(lengthBytes).fill(generation) });
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
    etcdSecretsKeys: asked === "control-plane" ? [etcdKey(1)] : [],
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

  test("takes the keys for secrets in etcd of all generations, for a control plane, and overwrites its copy", () => {
    const sent = [etcdKey(1), etcdKey(2)];
    const { etcdKeys } = parse("control-plane", { controlPlaneFiles: FILES, etcdSecretsKeys: sent });
    assert.deepEqual(
      etcdKeys.map(({ generation, key }) => [generation, key.reveal()[0]]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.ok(sent.every(({ key }) => key.every((byte) => byte === 0)));
  });

  const badKeys: [string, RecordedRole, ReturnType<typeof etcdKey>[]][] = [
    ["no key for secrets in etcd", "control-plane", []],
    ["two keys of one generation", "control-plane", [etcdKey(1), etcdKey(1)]],
    ["a key of no generation", "control-plane", [etcdKey(0)]],
    ["a key of the wrong length", "control-plane", [etcdKey(1, 31)]],
    ["a key for a worker", "worker", [etcdKey(1)]],
  ];
  for (const [what, asked, etcdSecretsKeys] of badKeys) {
    test(`refuses ${what}`, () => {
      const controlPlaneFiles = asked === "control-plane" ? FILES : [];
      assertRefused(asked, { controlPlaneFiles, etcdSecretsKeys }, /etcd_secrets_keys/);
    });
  }

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
    assertRefused("control-plane", { controlPlaneFiles: rest }, /is "9 files", wanted each of ".*\/ca\.crt" once/);
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

  test("refuses a way to the KMS that opens not the disk's own generation", () => {
    const ticket = { controlPlaneFiles: FILES, clusterId, selfRecovery: recovery(), stateDiskKeyGeneration: 2 };
    assertRefused("control-plane", ticket, /self_recovery\.roots is "generations 1", wanted 2/);
    const roots = [1, 2].map((generation) => ({ generation, salt: new Uint8Array(32), envelope: Uint8Array.of(1) }));
    const whole = parse("control-plane", { ...ticket, selfRecovery: recovery({ roots }) });
    assert.equal(whole.recovery?.roots.length, 2);
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

  test("takes a ticket without a generation for one of the first", () => {
    assert.equal(parse("worker", {}).diskKeyGeneration, 1);
    assert.equal(parse("worker", { stateDiskKeyGeneration: 3 }).diskKeyGeneration, 3);
    assertRefused("worker", { stateDiskKeyGeneration: 256 }, /state_disk_key_generation is "256", wanted 1 to 255/);
  });
});

describe("parseRejoinTicket()", () => {
  const rejoin = (generation: number, changes: MessageInitShape<typeof IssueRejoinTicketResponseSchema>) =>
    parseRejoinTicket(
      create(IssueRejoinTicketResponseSchema, { stateDiskKey: new Uint8Array(32), ...changes }),
      generation,
      "worker",
    );
  const nextStateDiskKey = new Uint8Array(32).fill(7);

  test("takes a key alone, and with the one to change to", () => {
    assert.equal(rejoin(1, {}).next, undefined);
    const { next } = rejoin(1, { nextStateDiskKey: nextStateDiskKey.slice(), nextGeneration: 2 });
    assert.deepEqual([next?.key.reveal(), next?.generation], [nextStateDiskKey, 2]);
  });

  const wrong: [string, number, MessageInitShape<typeof IssueRejoinTicketResponseSchema>, RegExp][] = [
    ["an older generation", 3, { nextStateDiskKey, nextGeneration: 2 }, /next_generation is "2", wanted more than 3/],
    ["the same generation", 2, { nextStateDiskKey, nextGeneration: 2 }, /next_generation is "2", wanted more than 2/],
    ["a key of no generation", 1, { nextStateDiskKey }, /next_generation is "0", wanted more than 1/],
    ["a generation without a key", 1, { nextGeneration: 2 }, /next_state_disk_key has the wrong length/],
    ["a generation out of bounds", 1, { nextStateDiskKey, nextGeneration: 256 }, /next_generation is "256"/],
  ];
  for (const [what, generation, changes, message] of wrong) {
    test(`refuses to change the disk's key to ${what}`, () => {
      const fresh = Object.hasOwn(changes, "nextStateDiskKey") ? { nextStateDiskKey: nextStateDiskKey.slice() } : {};
      assert.throws(() => rejoin(generation, { ...changes, ...fresh }), { code: "ticket", message });
    });
  }
});
