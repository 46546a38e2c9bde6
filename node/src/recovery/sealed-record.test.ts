import assert from "node:assert/strict";
import { Decipheriv } from "node:crypto";
import { afterEach, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { FakeSealer } from "../testing/fake-sealer.ts";
import { FakeNode } from "../testing/fakes.ts";
import type { RecoveryRecord } from "./record.ts";
import { sealRecord, unsealRecord } from "./sealed-record.ts";

const { signal } = new AbortController();
const CREDENTIAL = "a private key of a client";
const record: RecoveryRecord = {
  keyManagement: {
    kms: "kms://kmip?address=a.example&caFile=/credentials/ca",
    storage: "",
    credentials: new Map([["ca", new Secret(utf8(CREDENTIAL))]]),
  },
  clusterId: new Uint8Array(32).fill(1),
  measurementSalt: new Uint8Array(32).fill(2),
  roots: [{ generation: 1, salt: new Uint8Array(32).fill(3), envelope: Uint8Array.of(4) }],
};

let node: FakeNode;
let sealedFor: { diskUuid: string; sealer: FakeSealer };

beforeEach(() => {
  node = new FakeNode();
  sealedFor = { diskUuid: node.platform.diskUuid, sealer: new FakeSealer(node.tpm) };
});
afterEach(() => node.remove());

test("unsealRecord() gives the record that sealRecord() sealed, for this disk alone", async () => {
  const slot = await sealRecord(record, 1, sealedFor, signal);
  const opened = await unsealRecord(slot, sealedFor, signal);
  assert.deepEqual([opened.clusterId, opened.roots], [record.clusterId, record.roots]);
  const other = { ...sealedFor, diskUuid: "5c7c0000-0000-8000-8000-000000000009" };
  await assert.rejects(unsealRecord(slot, other, signal), { code: "sealed_record" });
  await assert.rejects(unsealRecord({ ...slot, sequence: 2 }, sealedFor, signal), { code: "sealed_record" });
});

for (const [what, change] of [
  ["that opens", (bytes: Uint8Array) => bytes],
  ["that was changed", (bytes: Uint8Array) => bytes.with(-1, bytes.at(-1)! ^ 1)],
] as const) {
  test(`unsealRecord() leaves no plaintext behind of a record ${what}`, async (context) => {
    const slot = await sealRecord(record, 1, sealedFor, signal);
    const pieces: Uint8Array[] = [];
    let seen = false;
    type Update = (this: Decipheriv, data: Uint8Array) => Uint8Array;
    const update = Reflect.get(Decipheriv.prototype, "update") as Update;
    context.mock.method(Decipheriv.prototype, "update", function (this: Decipheriv, data: Uint8Array) {
      const piece = update.call(this, data);
      seen ||= Buffer.from(piece).includes(CREDENTIAL);
      pieces.push(piece);
      return piece;
    });
    const changed = { ...slot, ciphertext: change(slot.ciphertext) };
    await unsealRecord(changed, sealedFor, signal).catch(() => undefined);
    assert.ok(seen);
    for (const piece of pieces) assert.ok(piece.every((byte) => byte === 0));
  });
}
