import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { fromUtf8 } from "@constellation/bytes";
import { EndorsementError } from "../error.ts";
import { DEFAULT_LIMITS, type Limits } from "../http/limits.ts";
import { refusal } from "../testing/errors.ts";
import { FakeServer, says, TRUNCATES } from "../testing/fake-server.ts";
import { FakeWorld } from "../testing/world.ts";
import { CachingClient, type CachingOptions } from "./caching-client.ts";
import type { Resource, Validity } from "./resource.ts";

const DAY_MS = 86_400_000;
const NEVER = new AbortController().signal;
const server = await FakeServer.start();
after(() => server.close());
beforeEach(() => server.reset());

/** A file at a path, whose text is anything but "malformed". */
function file(path: string, validity: Validity = { kind: "day" }): Resource<string> {
  const read: Resource<string>["read"] = ({ body, headers }) => {
    const text = fromUtf8(body);
    if (text === "malformed") throw new EndorsementError("malformed", "Read file failed: got it malformed");
    if (text === "defect") throw new RangeError("defect");
    return { value: `${text} by ${headers["issuer"] ?? "nobody"}`, validity };
  };
  return { url: `${server.url}${path}`, name: "file", headers: ["issuer"], read };
}

function newClient(
  world: FakeWorld,
  cache: CachingOptions["cache"] = "use",
  limits: Partial<Limits> = {},
): CachingClient {
  return new CachingClient({ cache, limits: { ...DEFAULT_LIMITS, ...limits } }, world);
}

function kinds({ notices }: FakeWorld): string[] {
  return notices.map(({ kind }) => kind);
}

test("CachingClient.get() asks once, and gives body and headers from then on", async () => {
  const world = new FakeWorld();
  server.set("/once", { headers: { issuer: "vendor" }, body: "text" });
  assert.equal(await newClient(world).get(file("/once"), NEVER), "text by vendor");
  assert.equal(await newClient(world).get(file("/once"), NEVER), "text by vendor");
  assert.equal(server.requests.length, 1);
  assert.deepEqual(world.notices, []);
});

test("CachingClient.get() asks whether there is something newer when an entry is stale", async () => {
  for (const [header, value, condition] of [
    ["etag", '"1"', "if-none-match"],
    ["last-modified", "Thu, 01 Jan 2026 00:00:00 GMT", "if-modified-since"],
  ] as const) {
    const world = new FakeWorld();
    const client = newClient(world);
    const path = `/conditional-${header}`;
    server.set(path, { headers: { [header]: value, issuer: "vendor" }, body: "text" });
    await client.get(file(path), NEVER);
    world.pass(DAY_MS);
    server.reset();
    assert.equal(await client.get(file(path), NEVER), "text by vendor");
    assert.equal(server.requests[0]?.headers[condition], value);
    world.pass(DAY_MS - 1);
    assert.equal(await client.get(file(path), NEVER), "text by vendor");
    assert.equal(server.requests.length, 1);
    world.pass(1);
    server.set(path, { headers: { [header]: "other", issuer: "another" }, body: "newer" });
    assert.equal(await client.get(file(path), NEVER), "newer by another");
    assert.equal(server.requests.length, 2);
  }
});

test("CachingClient.get() asks without condition where the vendor gave none to ask with", async () => {
  const world = new FakeWorld();
  server.set("/plain", { body: "text" });
  await newClient(world).get(file("/plain"), NEVER);
  world.pass(DAY_MS);
  await newClient(world).get(file("/plain"), NEVER);
  assert.equal(server.requests.length, 2);
  assert.equal(server.requests[1]?.headers["if-none-match"], undefined);
});

test("CachingClient.get() asks at each use about what is over by a clock far in the future, and after one", async () => {
  const world = new FakeWorld();
  const nextUpdate = new Date(world.now().getTime() + 30 * DAY_MS);
  const resource = file("/future", { kind: "until", nextUpdate });
  server.set("/future", { headers: { etag: '"1"' }, body: "text" });
  await newClient(world).get(resource, NEVER);
  world.pass(36_500 * DAY_MS);
  assert.equal(await newClient(world).get(resource, NEVER), "text by nobody");
  assert.equal(await newClient(world).get(resource, NEVER), "text by nobody");
  assert.equal(server.requests.length, 3);
  world.pass(-36_500 * DAY_MS);
  await newClient(world).get(resource, NEVER);
  await newClient(world).get(resource, NEVER);
  assert.equal(server.requests.length, 4);
});

test("CachingClient.get() waits and asks again where the service asks to slow down", async () => {
  const world = new FakeWorld();
  server.set("/slow", { body: "text" });
  server.failNext(says(429, { "retry-after": "7" }), says(429), says(503));
  assert.equal(await newClient(world).get(file("/slow"), NEVER), "text by nobody");
  assert.deepEqual(world.waitsMs, [7_000, 4_000, 400]);
  assert.deepEqual(kinds(world), ["waiting", "waiting", "waiting"]);
  const [notice] = world.notices;
  assert.ok(notice?.kind === "waiting" && notice.waitMs === 7_000 && notice.error.code === "rate_limited");
});

test("CachingClient.get() gives up where the service always asks to slow down", async () => {
  const world = new FakeWorld();
  server.failAlways(says(429, { "retry-after": "10" }));
  await assert.rejects(newClient(world).get(file("/limited"), NEVER), refusal("rate_limited", "429"));
  assert.equal(server.requests.length, DEFAULT_LIMITS.maxAttempts);
  assert.ok(world.waitsMs.reduce((sum, waitMs) => sum + waitMs) <= DEFAULT_LIMITS.totalMs);
});

test("CachingClient.get() asks again after a body that ended early", async () => {
  const world = new FakeWorld();
  server.set("/truncated", { body: "text" });
  server.failNext(TRUNCATES);
  assert.equal(await newClient(world).get(file("/truncated"), NEVER), "text by nobody");
  assert.deepEqual(world.waitsMs, [100]);
});

test("CachingClient.get() uses what is stale but not over where the vendor cannot be asked, without waiting", async () => {
  const world = new FakeWorld();
  server.set("/outage", { body: "text" });
  await newClient(world).get(file("/outage"), NEVER);
  world.pass(DAY_MS);
  server.failAlways(says(503));
  assert.equal(await newClient(world).get(file("/outage"), NEVER), "text by nobody");
  assert.deepEqual(world.waitsMs, []);
  const [notice] = world.notices;
  assert.ok(notice?.kind === "kept_used" && notice.error.code === "server_error");
});

test("CachingClient.get() does not use what is over, nor what the vendor no longer has", async () => {
  const world = new FakeWorld();
  const nextUpdate = new Date(world.now().getTime() + DAY_MS);
  server.set("/over", { body: "text" });
  await newClient(world).get(file("/over", { kind: "until", nextUpdate }), NEVER);
  await newClient(world).get(file("/over"), NEVER);
  world.pass(DAY_MS);
  server.failAlways(says(503));
  await assert.rejects(
    newClient(world).get(file("/over", { kind: "until", nextUpdate }), NEVER),
    refusal("server_error"),
  );
  server.failAlways(says(404));
  await assert.rejects(newClient(world).get(file("/over"), NEVER), refusal("unknown_platform"));
});

test("CachingClient.get() takes a damaged entry, or one that cannot be read, for none", async () => {
  const world = new FakeWorld();
  const resource = file("/damaged");
  server.set("/damaged", { headers: { etag: '"1"' }, body: "malformed" });
  await assert.rejects(newClient(world).get(resource, NEVER), refusal("malformed"));
  assert.equal(world.store.entries.size, 0);
  server.set("/damaged", { headers: { etag: '"1"' }, body: "text" });
  await newClient(world).get(resource, NEVER);
  const entry = world.store.entries.get(resource.url) as Uint8Array;
  world.store.entries.set(resource.url, entry.subarray(0, -1));
  await newClient(world).get(resource, NEVER);
  assert.equal(server.requests.length, 3);
  assert.equal(server.requests[2]?.headers["if-none-match"], undefined);
  assert.deepEqual(world.store.entries.get(resource.url), entry);
  const strict: typeof resource = {
    ...resource,
    read: (answer) => {
      if (answer.headers["etag"] === '"1"') throw new EndorsementError("malformed", "Read file failed: got it old");
      return resource.read(answer);
    },
  };
  server.set("/damaged", { headers: { etag: '"2"' }, body: "text" });
  assert.equal(await newClient(world).get(strict, NEVER), "text by nobody");
});

test("CachingClient.get() hands on defects of a reader", async () => {
  const world = new FakeWorld();
  server.set("/defect", { body: "text" });
  await newClient(world).get(file("/defect"), NEVER);
  const broken: Resource<string> = {
    ...file("/defect"),
    read: () => {
      throw new RangeError("defect");
    },
  };
  await assert.rejects(newClient(world).get(broken, NEVER), RangeError);
});

test("CachingClient.get() fetches anew on demand, and keeps that", async () => {
  const world = new FakeWorld();
  server.set("/reload", { headers: { etag: '"1"' }, body: "forged" });
  await newClient(world).get(file("/reload", { kind: "forever" }), NEVER);
  server.set("/reload", { headers: { etag: '"1"' }, body: "genuine" });
  assert.equal(await newClient(world).get(file("/reload", { kind: "forever" }), NEVER), "forged by nobody");
  assert.equal(await newClient(world, "reload").get(file("/reload", { kind: "forever" }), NEVER), "genuine by nobody");
  assert.equal(await newClient(world).get(file("/reload", { kind: "forever" }), NEVER), "genuine by nobody");
});

test("CachingClient.get() goes on where the cache cannot be written, and says so", async () => {
  const world = new FakeWorld();
  world.store.put = () => Promise.reject(new EndorsementError("store", "Keep endorsement failed: got no space"));
  server.set("/full", { body: "text" });
  assert.equal(await newClient(world).get(file("/full"), NEVER), "text by nobody");
  assert.deepEqual(kinds(world), ["not_kept"]);
});

test("CachingClient.get() asks a host one thing at a time, and the same thing once", async () => {
  const world = new FakeWorld();
  const client = newClient(world);
  const paths = ["/a", "/b", "/c", "/a", "/b"];
  for (const path of paths) server.set(path, { body: path });
  const got = await Promise.all(paths.map((path) => client.get(file(path), NEVER)));
  assert.deepEqual(
    got,
    paths.map((path) => `${path} by nobody`),
  );
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ["/a", "/b", "/c"],
  );
  assert.equal(server.mostOpen, 1);
});
