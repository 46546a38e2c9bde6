import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCa } from "@constellation/testkit/test-ca";
import { KubeApi, type KubeLimits } from "./api.ts";
import { KubeClient } from "./client.ts";
import { KubeError, type KubeErrorCode } from "./errors.ts";

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

function client(limits: Partial<KubeLimits> = {}, trusted = ca, host = "127.0.0.1"): KubeApi {
  const credentials = { ca: trusted.certificatePem, token: "t" };
  return new KubeApi(new URL(`https://${host}:${port}`), () => Promise.resolve(credentials), limits);
}

function answer(status: number, body: unknown): RequestListener {
  return (_, response) => response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
}

const coded =
  (code: KubeErrorCode, message = /./) =>
  (error: unknown) =>
    error instanceof KubeError && error.code === code && message.test(error.message);

test("KubeClient.getConfigMap() sends the token and gives the object", async () => {
  let seen = "";
  listener = (request, response) => {
    seen = `${request.method} ${request.url} ${request.headers.authorization}`;
    response.end(JSON.stringify({ kind: "ConfigMap", metadata: { name: "x" }, data: { a: "1" } }));
  };
  assert.deepEqual((await client().getConfigMap("kube-system", "x")).data, { a: "1" });
  assert.equal(seen, "GET /api/v1/namespaces/kube-system/configmaps/x Bearer t");
});

const answers: [number, object | string, KubeErrorCode, RegExp][] = [
  [401, { reason: "Unauthorized", message: "who" }, "unauthorized", /"401 Unauthorized": who/],
  [403, { reason: "Forbidden", message: "no" }, "forbidden", /Get ConfigMap "a\/b" failed: .*: no$/],
  [404, { reason: "NotFound", message: 'configmaps "b" not found' }, "not_found", /not found$/],
  [409, { reason: "AlreadyExists", message: "m" }, "already_exists", /m/],
  [409, { reason: "Conflict", message: "m" }, "conflict", /m/],
  [422, { reason: "Invalid", message: "m" }, "rejected", /m/],
  [302, "", "rejected", /"302"/],
  [429, { message: "slow" }, "overloaded", /slow/],
  [500, "panic", "server_error", /panic/],
  [503, "x".repeat(10_000), "server_error", /^.{1,600}$/],
  [200, "no JSON", "response_invalid", /no object/],
  [200, { kind: "Secret" }, "response_invalid", /got "Secret", wanted "ConfigMap"/],
  [200, "null", "response_invalid", /no object/],
];
for (const [status, body, code, message] of answers) {
  test(`KubeClient answers ${status} with ${JSON.stringify(body).slice(0, 40)} by ${code}`, async () => {
    listener = answer(status, body);
    await assert.rejects(client().getConfigMap("a", "b"), coded(code, message));
  });
}

/** What the server got, in short, with its answer. */
function recording(status: number, body: unknown): string[] {
  const seen: string[] = [];
  listener = (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${request.headers["content-type"] ?? "-"} ${text}`);
      response.writeHead(status).end(JSON.stringify(body));
    });
  };
  return seen;
}

test("KubeClient.listPodsOnNode() asks for the pods of that node only", async () => {
  const seen = recording(200, { kind: "PodList", items: [{ metadata: { name: "p" } }] });
  assert.deepEqual(await client().listPodsOnNode("worker-1"), [{ metadata: { name: "p" } }]);
  assert.deepEqual(seen, ["GET /api/v1/pods?fieldSelector=spec.nodeName%3Dworker-1 - "]);
  await assert.rejects(client().listPodsOnNode("a,b"), coded("invalid_name"));
});

test("KubeClient.evictPod() asks for an eviction of exactly this pod", async () => {
  const seen = recording(201, { kind: "Status", status: "Success" });
  await client().evictPod({ namespace: "a", name: "web-0", uid: "u" });
  assert.deepEqual(seen, [
    'POST /api/v1/namespaces/a/pods/web-0/eviction application/json {"apiVersion":"policy/v1","kind":"Eviction","metadata":{"namespace":"a","name":"web-0"},"deleteOptions":{"preconditions":{"uid":"u"}}}',
  ]);
  recording(429, { reason: "TooManyRequests", message: "it would violate the pod's disruption budget" });
  await assert.rejects(
    client().evictPod({ namespace: "a", name: "web-0", uid: "u" }),
    coded("overloaded", /Evict pod "a\/web-0" failed: .*disruption budget$/),
  );
});

test("KubeClient.patchNode() and deleteNode() change one node", async () => {
  const patched = recording(200, { kind: "Node", metadata: { name: "worker-1" } });
  await client().patchNode("worker-1", { spec: { unschedulable: true } });
  await client().patchNode("worker-1", { spec: { unschedulable: null } });
  assert.deepEqual(patched, [
    'PATCH /api/v1/nodes/worker-1 application/merge-patch+json {"spec":{"unschedulable":true}}',
    'PATCH /api/v1/nodes/worker-1 application/merge-patch+json {"spec":{"unschedulable":null}}',
  ]);
  const deleted = recording(200, { kind: "Status", status: "Success" });
  await client().deleteNode("worker-1");
  assert.deepEqual(deleted, ["DELETE /api/v1/nodes/worker-1 - "]);
  // An empty name would be all nodes.
  await assert.rejects(client().deleteNode(""), coded("invalid_name"));
});

test("KubeClient refuses an answer larger than its bound", async () => {
  listener = answer(200, "x".repeat(2_000));
  await assert.rejects(client({ maxResponseBytes: 1_000 }).listNodes(), coded("response_too_large"));
});

test("KubeClient ends a call that gets no answer in time", async () => {
  listener = () => undefined;
  await assert.rejects(client({ requestTimeoutMs: 50 }).listNodes(), coded("timeout"));
});

test("KubeClient ends a call whose answer stops in the middle", async () => {
  listener = (_, response) => response.write("{");
  await assert.rejects(client({ requestTimeoutMs: 300 }).listNodes(), coded("timeout"));
});

test("KubeClient ends a call when its signal says so", async () => {
  const controller = new AbortController();
  listener = () => controller.abort();
  await assert.rejects(client().listNodes(controller.signal), coded("aborted"));
  await assert.rejects(client().listNodes(controller.signal), coded("aborted"));
});

test("KubeClient refuses a server of another CA", async () => {
  const other = await TestCa.create("test");
  await assert.rejects(client({}, other).listNodes(), coded("untrusted_server"));
});

test("KubeClient refuses a server under another name", async () => {
  listener = answer(200, {});
  await assert.rejects(client({}, ca, "localhost").listNodes(), coded("untrusted_server"));
});

test("KubeClient says when nobody listens", async () => {
  const nobody = new KubeApi(new URL("https://127.0.0.1:1"), () => Promise.resolve({ ca: ca.certificatePem }));
  await assert.rejects(nobody.listNodes(), coded("unreachable", /ECONNREFUSED/));
});

for (const name of ["", "..", "a/b", "a..b", "A", "a?b", "a%2f", "a\n"]) {
  test(`KubeClient refuses the object name ${JSON.stringify(name)}`, async () => {
    await assert.rejects(client().getConfigMap("kube-system", name), coded("invalid_name"));
    await assert.rejects(client().getConfigMap(name, "x"), coded("invalid_name"));
  });
}

test("KubeClient.inCluster() reads the token again for each call", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "kube-"));
  context.after(() => rm(directory, { recursive: true }));
  const files = { tokenFile: join(directory, "token"), caFile: join(directory, "ca.crt") };
  const inCluster = KubeClient.inCluster({ host: "127.0.0.1", port, ...files });
  await assert.rejects(inCluster.listNodes(), coded("credentials_unreadable"));
  const seen: (string | undefined)[] = [];
  listener = (request, response) => {
    seen.push(request.headers.authorization);
    response.end('{"kind":"NodeList"}');
  };
  await writeFile(files.caFile, ca.certificatePem);
  for (const token of ["one\n", "two"]) {
    await writeFile(files.tokenFile, token);
    assert.deepEqual(await inCluster.listNodes(), []);
  }
  assert.deepEqual(seen, ["Bearer one", "Bearer two"]);
});
