import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeRecord } from "@constellation/cluster-state";
import { decideJoin, decideRejoin, type JoinRequest } from "./decide.ts";
import { JoinError, type JoinErrorCode } from "./errors.ts";

const record: NodeRecord = {
  name: "worker-0",
  role: "worker",
  ekDigest: "a".repeat(64),
  diskUuid: "aaaaaaaa-0000-8000-8000-000000000000",
};
const controlPlane: NodeRecord = { ...record, name: "control-plane-1", role: "control-plane" };
const REMOTE = "10.42.0.21";
const request: JoinRequest = { role: "worker", diskUuid: record.diskUuid, nodeAddresses: [REMOTE] };

function refuses(decide: () => unknown, code: JoinErrorCode, field: string, message: RegExp = /./): void {
  assert.throws(decide, (error: unknown) => {
    assert.ok(error instanceof JoinError);
    assert.deepEqual([error.code, error.details?.field], [code, field]);
    assert.match(error.message, message);
    return true;
  });
}

test("decideJoin() grants what is on record", () => {
  assert.deepEqual(decideJoin(record, request, REMOTE), { record, addresses: [REMOTE] });
  const asked = { ...request, role: "control-plane" as const };
  assert.deepEqual(decideJoin(controlPlane, asked, REMOTE), { record: controlPlane, addresses: [REMOTE] });
});

test("decideJoin() refuses a recorded worker that asks to be a control plane", () => {
  refuses(
    () => decideJoin(record, { ...request, role: "control-plane" }, REMOTE),
    "role_mismatch",
    "role",
    /got "control-plane", wanted "worker"$/,
  );
});

test("decideJoin() refuses a recorded control plane that asks to be a worker", () => {
  refuses(() => decideJoin(controlPlane, request, REMOTE), "role_mismatch", "role");
});

test("decideJoin() refuses a role that is not stated", () => {
  refuses(() => decideJoin(record, { ...request, role: "unspecified" }, REMOTE), "role_mismatch", "role");
});

for (const diskUuid of [
  "",
  "bbbbbbbb-0000-8000-8000-000000000000",
  record.diskUuid.toUpperCase(),
  `${record.diskUuid} `,
]) {
  test(`decideJoin() and decideRejoin() refuse the disk ${JSON.stringify(diskUuid)}`, () => {
    refuses(() => decideJoin(record, { ...request, diskUuid }, REMOTE), "disk_mismatch", "disk_uuid", /wanted "aaaa/);
    refuses(() => decideRejoin(record, diskUuid), "disk_mismatch", "disk_uuid");
  });
}

test("decideJoin() bounds and escapes what it repeats", () => {
  const diskUuid = `\n"\u0000${"x".repeat(10_000)}`;
  refuses(() => decideJoin(record, { ...request, diskUuid }, REMOTE), "disk_mismatch", "disk_uuid", /^.{1,300}$/);
});

test("decideRejoin() grants the disk on record", () => {
  assert.equal(decideRejoin(record, record.diskUuid), record);
});

const own: [string, string[]][] = [
  ["::ffff:10.42.0.21", ["10.42.0.21"]],
  ["10.42.0.21", ["10.42.0.21", "::ffff:10.42.0.21"]],
  ["fd00::21", ["fd00:0:0:0::21"]],
];
for (const [remote, nodeAddresses] of own) {
  test(`decideJoin() takes ${nodeAddresses.join(", ")} for its own when speaking from ${remote}`, () => {
    assert.equal(decideJoin(record, { ...request, nodeAddresses }, remote).addresses.length, 1);
  });
}

const foreign: [string, string[]][] = [
  [REMOTE, []],
  [REMOTE, ["10.42.0.22"]],
  [REMOTE, [REMOTE, "10.42.0.10"]],
  [REMOTE, ["worker-0"]],
  [REMOTE, ["10.42.0.021"]],
  [REMOTE, ["10.42.0.21/32"]],
  [REMOTE, ["0.0.0.0"]],
  [REMOTE, ["*"]],
  [REMOTE, Array.from({ length: 5 }, () => REMOTE)],
  ["fe80::1%eth0", ["fe80::1%eth0"]],
  ["unknown", ["unknown"]],
  ["", [""]],
];
for (const [remote, nodeAddresses] of foreign) {
  test(`decideJoin() refuses addresses ${JSON.stringify(nodeAddresses)} when speaking from "${remote}"`, () => {
    refuses(() => decideJoin(record, { ...request, nodeAddresses }, remote), "address_mismatch", "node_addresses");
  });
}
