import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeError, type KubeResources } from "@constellation/kube";
import { isSignificant } from "./capacity-objects.ts";
import { Events } from "./events.ts";
import type { KubeEvent } from "./kube-types.ts";

const never = new AbortController().signal;
const claim = { kind: "PersistentVolumeClaim", metadata: { name: "c", namespace: "shop", uid: "u" } } as const;
const happening = { type: "Warning", reason: "ProvisioningFailed", message: "m" } as const;

/** Events that go to a list instead of an API server. */
function events(create: (event: KubeEvent) => Promise<KubeEvent> = (event) => Promise.resolve(event)) {
  const written: KubeEvent[] = [];
  const errors: string[] = [];
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const sink = {
    create: (event: KubeEvent) => {
      written.push(event);
      return create(event);
    },
  } as unknown as KubeResources<KubeEvent>;
  const told = new Events({
    events: sink,
    nodeName: "w",
    now: () => new Date(clock.ms),
    randomId: () => "id",
    onError: ({ code }) => errors.push(code),
  });
  return { told, written, errors, clock };
}

test("Events.tell() does not say the same again within five minutes", async () => {
  const { told, written, clock } = events();
  await told.tell(claim, happening, never);
  await told.tell(claim, happening, never);
  await told.tell(claim, { ...happening, message: "other" }, never);
  assert.equal(written.length, 2);
  clock.ms += 5 * 60_000;
  await told.tell(claim, happening, never);
  assert.equal(written.length, 3);
  assert.deepEqual(
    [written[0]?.metadata, written[0]?.firstTimestamp],
    [{ name: "c.id", namespace: "shop" }, "2026-01-01T00:00:00Z"],
  );
});

test("Events.tell() writes about volumes in the namespace default, and no more than the API server takes", async () => {
  const { told, written } = events();
  const volume = { kind: "PersistentVolume", metadata: { name: "v", uid: "u" } } as const;
  await told.tell(volume, { ...happening, message: "x".repeat(5_000) }, never);
  assert.deepEqual([written[0]?.metadata.namespace, written[0]?.message.length], ["default", 1_000]);
});

test("Events.tell() reports a failure and goes on", async () => {
  const { told, errors } = events(() => Promise.reject(new KubeError("forbidden", "no")));
  await told.tell(claim, happening, never);
  assert.deepEqual(errors, ["forbidden"]);
});

test("isSignificant() wants two per cent, or a change from or to nothing", () => {
  assert.deepEqual(
    [isSignificant(100, 99), isSignificant(100, 97), isSignificant(100, 103), isSignificant(0, 1), isSignificant(1, 0)],
    [false, true, true, true, true],
  );
  assert.equal(isSignificant(0, 0), false);
});
