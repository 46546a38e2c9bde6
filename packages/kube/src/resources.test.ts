import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import { after, before, test } from "node:test";
import { TestCa } from "@constellation/testkit/test-ca";
import { KubeApi } from "./api.ts";
import { KubeError, type KubeErrorCode } from "./errors.ts";
import { KubeMirror, type MirrorOptions } from "./mirror.ts";
import type { KubeObject, ResourceType } from "./resource-type.ts";
import type { KubeResources, WatchEvent } from "./resources.ts";

// A server that answers as each test says; a real API server does not misbehave on request.
let ca: TestCa;
let server: Server;
let port: number;
let listener: RequestListener;

before(async () => {
  ca = await TestCa.create("test");
  const { certificatePem, keyPem } = await ca.issue({ commonName: "api", addresses: ["127.0.0.1"] });
  server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => listener(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as { port: number }).port;
});
after(() => server.close());

const CLAIMS: ResourceType<KubeObject> = {
  group: "",
  version: "v1",
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
  namespaced: true,
};

function claims(maxResponseBytes = 4_096): KubeResources<KubeObject> {
  const credentials = { ca: ca.certificatePem, token: "t" };
  const api = new KubeApi(new URL(`https://127.0.0.1:${port}`), () => Promise.resolve(credentials), {
    maxResponseBytes,
  });
  return api.resources(CLAIMS);
}

const coded = (code: KubeErrorCode) => (error: unknown) => error instanceof KubeError && error.code === code;
const claim = (name: string, resourceVersion = "1") => ({ metadata: { namespace: "a", name, resourceVersion } });
const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const never = new AbortController().signal;

/** Answers each request by the next of these, and says what was asked for. */
function script(...answers: readonly [number, string][]): string[] {
  const seen: string[] = [];
  listener = (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const [status, body] = answers[seen.length] ?? [500, "more than was planned"];
      seen.push(`${request.method} ${request.url} ${text}`.trim());
      response.writeHead(status).end(body);
    });
  };
  return seen;
}

async function collect(events: AsyncIterable<WatchEvent<KubeObject>>): Promise<string[]> {
  const told: string[] = [];
  for await (const { type, object } of events) told.push(`${type} ${object.metadata.name}`);
  return told;
}

test("KubeResources.list() follows pages to the end", async () => {
  const page = (name: string, next: string) =>
    JSON.stringify({
      kind: "PersistentVolumeClaimList",
      metadata: { resourceVersion: "7", continue: next },
      items: [claim(name)],
    });
  const seen = script([200, page("x", "more")], [200, page("y", "")]);
  const { items, resourceVersion } = await claims().list({ labelSelector: "k=v" });
  assert.deepEqual([items.map(({ metadata }) => metadata.name), resourceVersion], [["x", "y"], "7"]);
  assert.deepEqual(seen, [
    "GET /api/v1/persistentvolumeclaims?labelSelector=k%3Dv&limit=500",
    "GET /api/v1/persistentvolumeclaims?labelSelector=k%3Dv&limit=500&continue=more",
  ]);
});

test("KubeResources.list() gives nothing of a list that it can't read to the end", async () => {
  script([200, JSON.stringify({ kind: "PersistentVolumeClaimList", metadata: { continue: "more" } })], [410, "{}"]);
  await assert.rejects(claims().list(), coded("expired"));
});

test("KubeResources.delete() names the UID that is meant", async () => {
  const seen = script([200, '{"kind":"Status"}']);
  await claims().delete({ namespace: "a", name: "x" }, "u");
  assert.deepEqual(seen, [
    'DELETE /api/v1/namespaces/a/persistentvolumeclaims/x {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"}}',
  ]);
});

test("KubeResources refuses a namespaced object without a namespace", async () => {
  await assert.rejects(claims().get({ name: "x" }), coded("invalid_name"));
});

test("KubeResources.watch() tells events, also those cut between two packets", async () => {
  listener = (_, response) => {
    const text = line("ADDED", claim("x")) + line("DELETED", claim("y"));
    response.write(text.slice(0, 40), () => response.end(text.slice(40)));
  };
  assert.deepEqual(await collect(claims().watch("1", {}, never)), ["ADDED x", "DELETED y"]);
});

test("KubeResources.watch() says that a version is too old", async () => {
  script([200, line("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" })], [410, "{}"]);
  await assert.rejects(collect(claims().watch("1", {}, never)), coded("expired"));
  await assert.rejects(collect(claims().watch("1", {}, never)), coded("expired"));
});

for (const body of ["no JSON\n", "null\n", line("NEWS", claim("x"))]) {
  test(`KubeResources.watch() refuses the line ${JSON.stringify(body.slice(0, 12))}`, async () => {
    script([200, body]);
    await assert.rejects(collect(claims().watch("1", {}, never)), coded("response_invalid"));
  });
}

test("KubeResources.watch() refuses a line without end", async () => {
  script([200, "x".repeat(10_000)]);
  await assert.rejects(collect(claims(1_000).watch("1", {}, never)), coded("response_too_large"));
});

/** Runs a mirror until it has paused this often, and gives the pauses. */
async function pausesOf(count: number, options: Partial<MirrorOptions> = {}) {
  const stop = new AbortController();
  const pauses: number[] = [];
  const mirror = new KubeMirror(claims(), {
    onChange: () => undefined,
    random: () => 1,
    delay: async (ms) => {
      pauses.push(ms);
      if (pauses.length === count) stop.abort();
    },
    ...options,
  });
  await mirror.run(stop.signal);
  return { mirror, pauses };
}

const list = (...names: string[]): [number, string] => [
  200,
  JSON.stringify({
    kind: "PersistentVolumeClaimList",
    metadata: { resourceVersion: "5" },
    items: names.map((name) => claim(name)),
  }),
];

test("KubeMirror lists, follows the watch from there and from the last version it heard of", async () => {
  const seen = script(
    list("x", "y"),
    [200, line("MODIFIED", claim("z", "6")) + line("DELETED", claim("x", "7")) + line("BOOKMARK", claim("", "9"))],
    [410, "{}"],
  );
  const { mirror } = await pausesOf(1);
  assert.deepEqual(
    mirror.items().map(({ metadata }) => metadata.name),
    ["y", "z"],
  );
  assert.equal(mirror.get({ namespace: "a", name: "z" })?.metadata.resourceVersion, "6");
  const versions = seen.map((request) => new URLSearchParams(request.split("?")[1]).get("resourceVersion"));
  assert.deepEqual(versions, [null, "5", "9"]);
});

test("KubeMirror forgets what the next list no longer has", async () => {
  script(list("x", "y"), [410, "{}"], list("y"), [410, "{}"]);
  const { mirror } = await pausesOf(2);
  assert.deepEqual(
    mirror.items().map(({ metadata }) => metadata.name),
    ["y"],
  );
});

test("KubeMirror keeps what it has while the API server fails, and waits longer each time", async () => {
  script(list("x"));
  const errors: string[] = [];
  const { mirror, pauses } = await pausesOf(12, { onError: ({ code }) => errors.push(code) });
  assert.equal(mirror.synced, true);
  assert.equal(mirror.items().length, 1);
  assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]);
  assert.deepEqual(new Set(errors), new Set(["server_error"]));
});

test("KubeMirror is not synced before its first list", async () => {
  script();
  const { mirror } = await pausesOf(1);
  assert.deepEqual([mirror.synced, mirror.items()], [false, []]);
});

test("KubeMirror does not ask without end for watches that end at once", async () => {
  script(list(), [200, ""], list(), [200, ""]);
  const { pauses } = await pausesOf(2);
  assert.deepEqual(pauses, [100, 200]);
});
