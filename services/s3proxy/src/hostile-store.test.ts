import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { HEADER_METADATA } from "./http/headers.ts";
import { send as sendTo } from "./testing/client.ts";
import { fixedKeks, startTestProxy } from "./testing/proxy.ts";
import { bytes, completion, setUp } from "./testing/setting.ts";

// What a store can do to objects, and that no client ever gets a wrong byte for it.

const STRIDE = 65_536 + 16;
const PART = 5_242_880;

test("what is stored holds neither content nor key, and clients do not see our header", async (context) => {
  const { store, send, put } = await setUp(context);
  const secret = "attack at dawn ".repeat(10_000);
  await put("/bucket/key", secret);
  const stored = store.object("bucket/key");
  assert.ok(!stored.body.includes("attack"));
  assert.ok(stored.headers[HEADER_METADATA]);
  const got = await send("/bucket/key");
  assert.equal(got.body.toString(), secret);
  assert.equal(got.headers[HEADER_METADATA], undefined);
});

test("GET refuses an object whose bytes or header were changed, or that was put under another name", async (context) => {
  const { store, send, put } = await setUp(context);
  const plain = bytes(200_000);
  await put("/bucket/key", plain);
  await put("/bucket/other", bytes(200_000, 7));
  const good = store.object("bucket/key");
  const other = store.object("bucket/other");
  const flipped = Buffer.from(good.body);
  flipped[5]! ^= 1;
  const attacks = {
    "a changed byte": { ...good, body: flipped },
    "another object": other,
    "another object's body": { ...good, body: other.body },
    "another object's header": { ...good, headers: other.headers },
    "an older format": { ...good, headers: { [HEADER_METADATA]: "AAE=" } },
    "the mark of a multipart object": { ...good, headers: { [HEADER_METADATA]: "AQI=" } },
    "no chunks": { ...good, body: Buffer.alloc(0) },
    "one chunk of four": { ...good, body: good.body.subarray(0, STRIDE) },
    "three chunks of four": { ...good, body: good.body.subarray(0, 3 * STRIDE) },
    "one byte less": { ...good, body: good.body.subarray(0, -1) },
    "one byte more": { ...good, body: Buffer.concat([good.body, Buffer.alloc(1)]) },
    "swapped chunks": {
      ...good,
      body: Buffer.concat([
        good.body.subarray(STRIDE, 2 * STRIDE),
        good.body.subarray(0, STRIDE),
        good.body.subarray(2 * STRIDE),
      ]),
    },
  };
  const untouched = new Map([
    ["a changed byte", "bytes=-10"],
    ["swapped chunks", "bytes=-10"],
  ]);
  for (const [what, object] of Object.entries(attacks)) {
    store.objects.set("bucket/key", object);
    assert.equal((await send("/bucket/key")).status, 422, what);
    // Of ranges, those are refused that touch what was changed; all others are right.
    for (const [range, wanted] of [
      ["bytes=0-9", plain.subarray(0, 10)],
      ["bytes=-10", plain.subarray(-10)],
    ] as const) {
      const got = await send("/bucket/key", { headers: { range } });
      const right = got.status === 206 && got.body.equals(wanted) && untouched.get(what) === range;
      assert.ok(got.status === 422 || right, `${what} ${range} ${got.status}`);
    }
  }
});

test("HEAD refuses an object of another name, and one of a length that it can't have", async (context) => {
  const { store, send, put } = await setUp(context);
  await put("/bucket/key", bytes(100));
  const good = store.object("bucket/key");
  store.objects.set("bucket/moved", good);
  store.objects.set("bucket/cut", { ...good, body: good.body.subarray(1) });
  assert.equal((await send("/bucket/key", { method: "HEAD" })).headers["content-length"], "100");
  for (const key of ["moved", "cut"]) assert.equal((await send(`/bucket/${key}`, { method: "HEAD" })).status, 422);
});

test("GET cuts the answer off before the first wrong byte, however late that comes", async (context) => {
  const { store, send, put } = await setUp(context);
  const plain = bytes(10 * 65_536);
  await put("/bucket/key", plain);
  store.object("bucket/key").body[7 * STRIDE + 3]! ^= 1;
  const got = await send("/bucket/key");
  assert.equal(got.status, 200);
  assert.equal(got.complete, false);
  assert.ok(plain.subarray(0, 7 * 65_536).includes(got.body) || got.body.length === 0);
  assert.ok(got.body.length <= 7 * 65_536);
});

test("GET cuts the answer off when the store stops in the middle", async (context) => {
  const { store, send, put } = await setUp(context);
  const plain = bytes(10 * 65_536);
  await put("/bucket/key", plain);
  const { body, headers, etag } = store.object("bucket/key");
  store.intercept = (_request, response) => {
    response.writeHead(200, { ...headers, etag, "content-length": `${body.length}` });
    response.write(body.subarray(0, 5 * STRIDE + 100), () => response.destroy());
    return true;
  };
  const got = await send("/bucket/key");
  assert.equal(got.complete, false);
  assert.ok(got.body.equals(plain.subarray(0, got.body.length)));
  assert.ok(got.body.length <= 5 * 65_536);
});

test("GET of a range refuses other bytes of the same object, and the whole where a range was asked for", async (context) => {
  const { store, send, put } = await setUp(context);
  await put("/bucket/key", bytes(4 * 65_536));
  const { body, headers, etag } = store.object("bucket/key");
  store.intercept = (request, response) => {
    if (request.method !== "GET") return false;
    const range = { "content-range": `bytes 0-${STRIDE - 1}/${body.length}`, "content-length": `${STRIDE}` };
    response.writeHead(206, { ...headers, etag, ...range }).end(body.subarray(0, STRIDE));
    return true;
  };
  assert.equal((await send("/bucket/key", { headers: { range: "bytes=65536-65540" } })).status, 422);
  store.intercept = (request, response) => {
    if (request.method !== "GET") return false;
    response.writeHead(200, { ...headers, etag, "content-length": `${body.length}` }).end(body);
    return true;
  };
  assert.equal((await send("/bucket/key", { headers: { range: "bytes=65536-65540" } })).status, 502);
});

test("PutObject is refused for a wrong checksum even if the store says early that all is well", async (context) => {
  const { store, send } = await setUp(context);
  store.intercept = (request, response) => {
    request.resume();
    response.writeHead(200, { etag: '"x"' }).end();
    return true;
  };
  const headers = { "x-amz-checksum-crc32": "AAAAAA==" };
  const { status } = await send("/bucket/key", { method: "PUT", body: bytes(1_000_000), headers });
  assert.ok([400, 503].includes(status), `${status}`);
});

test("plaintext in the bucket is refused, and read only where that was allowed", async (context) => {
  const strict = await setUp(context);
  const plain = { body: Buffer.from("plain text"), etag: '"x"', headers: {} };
  strict.store.objects.set("bucket/key", plain);
  for (const request of [{}, { method: "HEAD" }, { headers: { range: "bytes=0-1" } }]) {
    assert.equal((await strict.send("/bucket/key", request)).status, 422);
  }
  const copied = await strict.put("/bucket/copy", "", { "x-amz-copy-source": "/bucket/key" });
  assert.equal(copied.code, "ObjectNotAuthentic");
  const lax = await setUp(context, { allowPlaintextReads: true });
  lax.store.objects.set("bucket/key", plain);
  assert.equal((await lax.send("/bucket/key")).body.toString(), "plain text");
  assert.equal((await lax.send("/bucket/key", { headers: { range: "bytes=6-" } })).body.toString(), "text");
  assert.equal((await lax.put("/bucket/copy", "", { "x-amz-copy-source": "/bucket/key" })).status, 200);
  assert.ok(!lax.store.object("bucket/copy").body.includes("plain text"));
  assert.equal((await lax.send("/bucket/copy")).body.toString(), "plain text");
});

test("a multipart object is refused with a part exchanged, left out, cut off, or under another name", async (context) => {
  const { store, send, upload } = await setUp(context);
  const plain = [bytes(PART, 1), bytes(PART, 2), bytes(1_000, 3)];
  const { uploadId, etags } = await upload("/bucket/key", plain);
  // The second part is sent again: what the store keeps of the first time must not come back.
  const earlier = store.uploads.get(uploadId)!.parts.get(3)!.body;
  const query = { partNumber: "2", uploadId };
  const again = await send("/bucket/key", { method: "PUT", query, body: bytes(PART, 4) });
  etags[1] = again.headers.etag ?? "";
  assert.equal(
    (await send("/bucket/key", { method: "POST", query: { uploadId }, body: completion(etags) })).status,
    200,
  );
  const good = store.object("bucket/key");
  const whole = Buffer.concat([plain[0]!, bytes(PART, 4), plain[2]!]);
  assert.ok((await send("/bucket/key")).body.equals(whole));
  assert.equal((await send("/bucket/key", { method: "HEAD" })).headers["content-length"], `${whole.length}`);
  const second = good.body.length - (1_000 + 36) - earlier.length;
  const withEarlier = Buffer.from(good.body);
  withEarlier.set(earlier, second);
  const swapped = Buffer.from(good.body);
  swapped.copy(swapped, second, second - earlier.length, second);
  store.objects.set("bucket/moved", good);
  const attacks: [string, Buffer][] = [
    ["an earlier upload of a part", withEarlier],
    ["a part twice", swapped],
    ["the last part cut off", good.body.subarray(0, -1_036)],
    ["the leader alone", good.body.subarray(0, second - earlier.length)],
    ["without its leader", good.body.subarray(second - earlier.length)],
  ];
  for (const [what, body] of attacks) {
    store.objects.set("bucket/key", { ...good, body });
    const got = await send("/bucket/key");
    assert.ok(
      got.status === 422 ||
        (got.status === 200 && !got.complete && whole.subarray(0, got.body.length).equals(got.body)),
      what,
    );
    const range = await send("/bucket/key", { headers: { range: `bytes=${PART}-${PART + 9}` } });
    assert.ok(range.status === 422 || (what === "never" && range.complete), `${what} ${range.status}`);
  }
  assert.equal((await send("/bucket/moved")).status, 422);
});

test("a copy onto itself wraps an object's key under the current generation, once, and changes nothing else", async (context) => {
  const { store, send, put } = await setUp(context);
  const plain = bytes(100_000);
  await put("/bucket/key", plain, { "content-type": "text/x", "x-amz-meta-a": "b" });
  const generation = () =>
    Buffer.from(store.object("bucket/key").headers[HEADER_METADATA] ?? "", "base64").readUInt16BE(2);
  const sealed = store.object("bucket/key").body;
  assert.equal((await put("/bucket/key", "", { "x-amz-copy-source": "bucket/key" })).code, "InvalidRequest");
  assert.equal(generation(), 1);
  const rotated = await startTestProxy({ endpoint: store.endpoint }, { keks: fixedKeks(2) });
  context.after(() => rotated.close());
  const copy = { method: "PUT", headers: { "x-amz-copy-source": "bucket/key" } };
  assert.equal((await sendTo(rotated.endpoint, "/bucket/key", copy)).status, 200);
  assert.equal(generation(), 2);
  assert.ok(store.object("bucket/key").body.equals(sealed));
  assert.equal((await sendTo(rotated.endpoint, "/bucket/key", copy)).code, "InvalidRequest");
  const got = await sendTo(rotated.endpoint, "/bucket/key");
  assert.ok(got.body.equals(plain));
  assert.deepEqual([got.headers["content-type"], got.headers["x-amz-meta-a"]], ["text/x", "b"]);
  // Generation 2 is none to a proxy that knows only the first.
  assert.equal((await send("/bucket/key")).status, 422);
});

test("copies have a key of their own place, and a copied ciphertext under a third name is refused", async (context) => {
  const { store, send, put } = await setUp(context);
  const plain = bytes(100_000);
  await put("/bucket/key", plain, { "content-type": "text/x", "x-amz-meta-a": "b" });
  assert.equal((await put("/other/copy", "", { "x-amz-copy-source": "bucket/key" })).status, 200);
  const got = await send("/other/copy");
  assert.ok(got.body.equals(plain));
  assert.equal(got.headers["content-type"], "text/x");
  assert.equal(got.headers["x-amz-meta-a"], "b");
  // Copied at the store: the same ciphertext under a key wrapped anew.
  assert.ok(store.object("other/copy").body.equals(store.object("bucket/key").body));
  assert.notEqual(
    store.object("other/copy").headers[HEADER_METADATA],
    store.object("bucket/key").headers[HEADER_METADATA],
  );
  store.objects.set("other/third", store.object("other/copy"));
  assert.equal((await send("/other/third")).status, 422);
});

test("answers of the store that are no answers are refused with a code, and the proxy goes on", async (context) => {
  const { store, send, put } = await setUp(context);
  await put("/bucket/key", bytes(200_000));
  const { headers } = store.object("bucket/key");
  const sealed = store.object("bucket/key").body;
  const bomb = `<!DOCTYPE a [<!ENTITY x "${"x".repeat(1_000)}">]><ListBucketResult><Name>&x;&x;</Name></ListBucketResult>`;
  const length = { "content-length": `${sealed.length}` };
  type Act = (response: ServerResponse) => void;
  const cases: readonly (readonly [string, string, Record<string, string>, Act, readonly number[]])[] = [
    ["no length", "/bucket/key", {}, (r) => r.writeHead(200, { ...headers, etag: '"x"' }).end(sealed), [502]],
    [
      "less than its length",
      "/bucket/key",
      {},
      (r) => {
        r.writeHead(200, { ...headers, ...length, etag: '"x"' });
        r.write(sealed.subarray(0, 100), () => r.destroy());
      },
      [503],
    ],
    [
      "no ETag where one is needed",
      "/bucket/key",
      { range: "bytes=0-9" },
      (r) => r.writeHead(200, { ...headers, ...length }).end(),
      [502],
    ],
    ["a redirection", "/bucket/key", {}, (r) => r.writeHead(307, { location: "http://127.0.0.1:1/" }).end(), [307]],
    [
      "a length that is no number",
      "/bucket/key",
      {},
      (r) => r.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"),
      [503],
    ],
    ["no HTTP", "/bucket/key", {}, (r) => r.socket?.end("220 mail.example ESMTP\r\n"), [503]],
    [
      "headers without end",
      "/bucket/key",
      {},
      (r) => r.socket?.end(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}\r\n\r\n`),
      [503],
    ],
    [
      "entities of its own",
      "/bucket",
      {},
      (r) => r.writeHead(200, { "content-type": "application/xml" }).end(bomb),
      [502],
    ],
    ["no XML", "/bucket", {}, (r) => r.writeHead(200).end("<"), [502]],
    ["a listing without end", "/bucket", {}, (r) => r.writeHead(200).end(Buffer.alloc(9_000_000, " ")), [502]],
  ];
  for (const [what, path, extra, act, wanted] of cases) {
    store.intercept = (_, response) => {
      act(response);
      return true;
    };
    const { status, body } = await send(path, { headers: extra });
    assert.ok(wanted.includes(status), `${what}: ${status} ${body.toString("latin1", 0, 200)}`);
    assert.ok(!body.includes("127.0.0.1"), what);
  }
  store.intercept = () => false;
  assert.equal((await send("/bucket/key")).status, 200);
});
