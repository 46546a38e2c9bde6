import assert from "node:assert/strict";
import { Socket } from "node:net";
import { afterEach, before, beforeEach, describe, type TestContext, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import type { FakeTpmCa } from "@constellation/testkit/fake-tpm";
import { FakeNode } from "../testing/fakes.ts";
import { AttestingTpm, createFakeTpmCa, FakeJoinService } from "../testing/join-service.ts";
import { askJoinService } from "./connection.ts";

const SILENT_HOST = "127.0.0.99";

let ca: FakeTpmCa;
let service: FakeJoinService;
let node: FakeNode;

before(async () => {
  ca = await createFakeTpmCa();
});

beforeEach(async () => {
  service = await FakeJoinService.start(ca, await AttestingTpm.create(ca));
  node = new FakeNode();
  node.platform = { ...node.platform, attester: await AttestingTpm.create(ca) };
});

afterEach(async () => {
  node.remove();
  await service.close();
});

/** Lets no connection to the silent host go on, as when its machine is switched off; gives how many were begun. */
function silence(t: TestContext): () => number {
  const connect = Reflect.get(Socket.prototype, "connect") as (this: Socket, ...args: unknown[]) => Socket;
  let begun = 0;
  t.mock.method(Socket.prototype, "connect", function (this: Socket, ...args: unknown[]) {
    // node:tls and node:net hand over normalised arguments: a list that begins with the options.
    const [first] = args.flat() as { host?: string }[];
    if (first?.host !== SILENT_HOST) return connect.apply(this, args);
    begun += 1;
    return this;
  });
  return () => begun;
}

describe("askJoinService()", () => {
  test("goes on to the next control plane 4 s after one whose machine does not answer", {
    timeout: 60_000,
  }, async (t) => {
    const { dependencies, platform } = node;
    const options = { ...dependencies.options, ports: { ...dependencies.options.ports, join: service.port } };
    const begun = silence(t);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const ticket = askJoinService(
      () => [SILENT_HOST, "127.0.0.1"],
      platform,
      { ...dependencies, options },
      ({ client }, signal) => client.issueRejoinTicket({ diskUuid: platform.diskUuid }, { signal }),
      t.signal,
    );
    while (begun() === 0) await tick();
    t.mock.timers.tick(4000);
    assert.equal((await ticket).stateDiskKey.length, 32);
    assert.equal(begun(), 1);
  });
});
