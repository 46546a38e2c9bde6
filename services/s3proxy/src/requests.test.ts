import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { test } from "node:test";
import { newPart } from "./format/part.ts";
import { partEtag } from "./http/etag.ts";
import { open, send as sendTo, signed } from "./testing/client.ts";
import { fixedKeks, startTestProxy } from "./testing/proxy.ts";
import { bytes, completion, setUp } from "./testing/setting.ts";

// What clients may send, and what must not reach the store.

const PART = 5_242_880;
const sha256 = (body: string): string => createHash("sha256").update(body).digest("hex");

test("PutObject leaves nothing in the store when the body is not what was announced", async (context) => {
  const { store, send } = await setUp(context);
  const wrong: [string, Parameters<typeof send>[1], string][] = [
    ["hash", { payload: sha256("other") }, "XAmzContentSHA256Mismatch"],
    ["MD5", { headers: { "content-md5": createHash("md5").update("other").digest("base64") } }, "BadDigest"],
    ["CRC-32", { headers: { "x-amz-checksum-crc32": "AAAAAA==" } }, "BadDigest"],
    ["CRC-32C", { headers: { "x-amz-checksum-crc32c": "AAAAAA==" } }, "BadDigest"],
    ["CRC-64/NVME", { headers: { "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" } }, "BadDigest"],
    ["SHA-1", { headers: { "x-amz-checksum-sha1": "AAAA" } }, "BadDigest"],
    ["SHA-256", { headers: { "x-amz-checksum-sha256": "AAAA" } }, "BadDigest"],
    ["unknown checksum", { headers: { "x-amz-checksum-md4": "AAAA" } }, "NotImplemented"],
    ["two checksums", { headers: { "x-amz-checksum-sha1": "AAAA", "x-amz-checksum-crc32": "AAAA" } }, "InvalidRequest"],
    ["trailer without trailers", { headers: { "x-amz-trailer": "x-amz-checksum-crc32" } }, "InvalidRequest"],
    ["MD5 that is none", { headers: { "content-md5": "x" } }, "InvalidDigest"],
    ["signature of other kinds", { payload: "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" }, "NotImplemented"],
    ["payload kind", { payload: "x" }, "InvalidArgument"],
  ];
  for (const [what, request, code] of wrong) {
    const got = await send("/bucket/key", { method: "PUT", body: "content", ...request });
    assert.equal(got.code, code, what);
    assert.equal(store.objects.size, 0, what);
  }
});

test("PutObject takes every checksum that holds, and says it back", async (context) => {
  const { put } = await setUp(context);
  const right = {
    "x-amz-checksum-crc32": "y/Q5Jg==",
    "x-amz-checksum-crc32c": "4waSgw==",
    "x-amz-checksum-crc64nvme": "rosUhgp5mIg=",
    "x-amz-checksum-sha1": createHash("sha1").update("123456789").digest("base64"),
    "x-amz-checksum-sha256": createHash("sha256").update("123456789").digest("base64"),
  };
  for (const [name, value] of Object.entries(right)) {
    const got = await put("/bucket/key", "123456789", { [name]: value });
    assert.equal(got.status, 200, name);
    assert.equal(got.headers[name], value);
  }
});

test("PutObject takes aws-chunked bodies with a trailing checksum, and refuses a wrong one at the end", async (context) => {
  const { store, send } = await setUp(context);
  const put = (checksum: string, announced = 9) =>
    send("/bucket/key", {
      method: "PUT",
      payload: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      headers: {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": `${announced}`,
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: `9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:${checksum}\r\n\r\n`,
    });
  assert.equal((await put("AAAAAA==")).code, "BadDigest");
  assert.equal((await put("y/Q5Jg==", 8)).code, "IncompleteBody");
  assert.equal((await put("y/Q5Jg==", 10)).code, "IncompleteBody");
  assert.equal(store.objects.size, 0);
  const good = await put("y/Q5Jg==");
  assert.equal(good.status, 200);
  assert.equal(good.headers["x-amz-checksum-crc32"], "y/Q5Jg==");
  assert.equal((await send("/bucket/key")).body.toString(), "123456789");
});

test("PutObject leaves nothing in the store when the client goes away in the middle", async (context) => {
  const { store, proxy } = await setUp(context);
  const options = { method: "PUT", payload: "UNSIGNED-PAYLOAD", headers: { "content-length": "1000000" } };
  const headers = signed(proxy.endpoint, "/bucket/key", options);
  const outgoing = httpRequest(`${proxy.endpoint}/bucket/key`, { method: "PUT", headers, agent: false });
  outgoing.on("error", () => {});
  outgoing.write(bytes(500_000));
  while (store.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  outgoing.destroy();
  while (proxy.lines.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.match(proxy.lines[0] ?? "", /"operation":"PutObject".*"outcome":"cut-off"/);
  assert.equal(store.objects.size, 0);
});

test("PutObject passes the store's refusal on and does not wait for the rest of the body", async (context) => {
  const { store, send } = await setUp(context);
  store.intercept = (request, response) => {
    request.resume();
    const body = "<Error><Code>QuotaExceeded</Code><Message>full</Message></Error>";
    response.writeHead(403, { "content-type": "application/xml" }).end(body);
    return true;
  };
  const got = await send("/bucket/key", { method: "PUT", body: bytes(3_000_000) });
  assert.equal(got.status, 403);
  assert.equal(got.code, "QuotaExceeded");
});

test("requests that could hand the store plaintext or keys, or mean something else there, are refused", async (context) => {
  const { store, send, proxy } = await setUp(context);
  const wrong: [string, Parameters<typeof send>[1], string][] = [
    ["/bucket", { method: "POST", body: "form" }, "NotImplemented"],
    ["/bucket/key", { method: "POST", query: { select: "", "select-type": "2" } }, "NotImplemented"],
    ["/bucket/key", { method: "PUT", query: { append: "" }, body: "x" }, "NotImplemented"],
    ["/bucket/key", { method: "PUT", query: { renameObject: "" } }, "NotImplemented"],
    ["/bucket/key", { method: "PUT", query: { acl: "", append: "" } }, "NotImplemented"],
    ["/bucket/key", { method: "PUT", query: { versionId: "1" }, body: "x" }, "NotImplemented"],
    ["/bucket/key", { query: { torrent: "" } }, "NotImplemented"],
    ["/bucket/key", { method: "PATCH" }, "MethodNotAllowed"],
    ["/", { method: "PUT" }, "MethodNotAllowed"],
    ["/bucket", { method: "PUT", body: "content" }, "MalformedXML"],
    ["/bucket", { query: { session: "" } }, "NotImplemented"],
    ["/bucket/key", { method: "PUT", headers: { "x-amz-meta-constellation-s3proxy": "AQI=" } }, "InvalidArgument"],
    ["/bucket/key", { headers: { "x-amz-server-side-encryption-customer-key": "x" } }, "NotImplemented"],
    ["/bucket/key", { method: "PUT", query: { acl: "" }, body: bytes(1_048_577) }, "EntityTooLarge"],
    ["/bucket/key", { method: "PUT", query: { partNumber: "10000", uploadId: "x" } }, "InvalidArgument"],
    ["/bucket/key", { method: "PUT", query: { partNumber: "1" } }, "NoSuchUpload"],
    ["/bucket/key", { method: "PUT", headers: { "x-amz-copy-source": "/bucket/../other/key" } }, "InvalidArgument"],
    ["/bucket/key", { method: "PUT", headers: { "x-amz-copy-source": "nothing" } }, "InvalidBucketName"],
  ];
  for (const [path, request, code] of wrong) {
    const got = await send(path, request);
    assert.equal(got.code, code, `${request?.method} ${path} ${JSON.stringify(request?.query)}`);
  }
  const unsigned = await fetch(`${proxy.endpoint}/bucket/key`);
  assert.equal(unsigned.status, 403);
  assert.deepEqual(store.requests, []);
});

test("what goes to the store has our signature and nothing of the client's", async (context) => {
  const { store, put } = await setUp(context);
  await put("/bucket/key", "content", { cookie: "session", "x-amz-meta-a": "b", "x-forwarded-for": "1.2.3.4" });
  const [request] = store.requests;
  const names = Object.keys(request?.headers ?? {}).sort();
  assert.match(request?.headers.authorization ?? "", /Credential=store-owner\//);
  for (const name of ["cookie", "x-forwarded-for", "content-md5"]) assert.ok(!names.includes(name), name);
  assert.equal(request?.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
});

test("log lines say who did what to which object, and hold no secret, query or content", async (context) => {
  const { proxy, put, send } = await setUp(context);
  await put("/bucket/key", "secret content", { "x-amz-meta-a": "secret metadata" });
  await send("/bucket/key", { query: { "response-content-type": "secret/type" } });
  await send("/bucket/missing");
  const text = proxy.lines.join("");
  for (const word of ["secret", "Signature", "AWS4", "authorization"]) assert.ok(!text.includes(word), word);
  const [putLine, getLine, missing] = proxy.lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    [putLine.operation, putLine.bucket, putLine.key, putLine.accessKeyId, putLine.status, putLine.bodyBytes],
    ["PutObject", "bucket", "key", "client", 200, 14],
  );
  assert.deepEqual([getLine.operation, getLine.sentBytes, getLine.outcome], ["GetObject", 14, "answered"]);
  assert.deepEqual([missing.status, missing.code, missing.outcome], [404, "NoSuchKey", "refused"]);
});

test("GetObject gives ranges as RFC 9110 says", async (context) => {
  const { put, send } = await setUp(context);
  const plain = bytes(100_000);
  await put("/bucket/key", plain);
  await put("/bucket/empty", "");
  const ranges: [string, number, number, number][] = [
    ["bytes=0-0", 206, 0, 1],
    ["bytes=65535-65536", 206, 65_535, 65_537],
    ["bytes=99999-", 206, 99_999, 100_000],
    ["bytes=5-1000000", 206, 5, 100_000],
    ["bytes=-5", 206, 99_995, 100_000],
    ["bytes=-1000000", 206, 0, 100_000],
    ["bytes=5-4", 200, 0, 100_000],
    ["bytes=0-1,5-6", 200, 0, 100_000],
    ["lines=0-1", 200, 0, 100_000],
    ["bytes=-", 200, 0, 100_000],
  ];
  for (const [range, status, start, end] of ranges) {
    const got = await send("/bucket/key", { headers: { range } });
    assert.equal(got.status, status, range);
    assert.ok(got.body.equals(plain.subarray(start, end)), range);
    assert.equal(got.headers["content-range"], status === 206 ? `bytes ${start}-${end - 1}/100000` : undefined);
  }
  for (const [path, range] of [
    ["/bucket/key", "bytes=100000-"],
    ["/bucket/key", "bytes=-0"],
    ["/bucket/empty", "bytes=0-"],
    ["/bucket/empty", "bytes=-1"],
  ] as const) {
    const got = await send(path, { headers: { range } });
    assert.equal(got.code, "InvalidRange", range);
    assert.match(got.headers["content-range"] ?? "", /^bytes \*\/\d+$/);
  }
});

test("conditions hold against the ETags that clients see", async (context) => {
  const { put, send } = await setUp(context);
  const etag = (await put("/bucket/key", "content")).headers.etag ?? "";
  assert.match(etag, /^"[0-9a-f]{32}-0"$/);
  assert.equal((await send("/bucket/key", { method: "HEAD" })).headers.etag, etag);
  assert.equal((await send("/bucket/key", { headers: { "if-match": etag } })).status, 200);
  assert.equal((await send("/bucket/key", { headers: { "if-match": '"other"' } })).code, "PreconditionFailed");
  const notModified = await send("/bucket/key", { headers: { "if-none-match": etag } });
  assert.equal(notModified.status, 304);
  assert.equal(notModified.headers.etag, etag);
  assert.equal(notModified.body.length, 0);
});

test("listings show true sizes and the ETags of answers", async (context) => {
  const { put, send, upload } = await setUp(context);
  const sizes = [0, 1, 65_536, 65_537];
  const etags = await Promise.all(sizes.map(async (size) => (await put(`/bucket/${size}`, bytes(size))).headers.etag));
  const { uploadId, etags: parts } = await upload("/bucket/multi", [bytes(PART + 3), bytes(77)]);
  await send("/bucket/multi", { method: "POST", query: { uploadId }, body: completion(parts) });
  const text = (await send("/bucket", { query: { "list-type": "2" } })).body.toString();
  for (const [index, size] of sizes.entries()) {
    assert.ok(
      text.includes(`<Key>${size}</Key><ETag>${etags[index]?.replaceAll('"', "&#34;")}</ETag><Size>${size}</Size>`),
      text,
    );
  }
  assert.match(text, new RegExp(`<Key>multi</Key><ETag>[^<]*-3&#34;</ETag><Size>${PART + 80}</Size>`));
});

test("parts come in any order, are listed as the client knows them, and complete by either kind of ETag", async (context) => {
  const { send, upload } = await setUp(context);
  const bodies = [bytes(PART, 1), bytes(PART + 1, 2), bytes(10, 3)];
  const { uploadId, etags } = await upload("/bucket/key", bodies);
  const listed = (await send("/bucket/key", { query: { uploadId } })).body.toString();
  const found = [...listed.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag><Size>(\d+)<\/Size>/g)];
  assert.deepEqual(
    found.map(([, number, , size]) => [number, size]),
    bodies.map((body, index) => [`${index + 1}`, `${body.length}`]),
  );
  const mixed = [etags[0]!, found[1]![2]!, found[2]![2]!];
  const completed = await send("/bucket/key", { method: "POST", query: { uploadId }, body: completion(mixed) });
  assert.equal(completed.status, 200, completed.body.toString());
  const whole = Buffer.concat(bodies);
  assert.ok((await send("/bucket/key")).body.equals(whole));
  for (const range of [`${PART + 100_000}-${PART + 200_000}`, `${PART - 5}-${2 * PART + 5}`]) {
    const [start, end] = range.split("-").map(Number) as [number, number];
    const got = await send("/bucket/key", { headers: { range: `bytes=${range}` } });
    assert.ok(got.body.equals(whole.subarray(start, end + 1)), range);
  }
  const part = await send("/bucket/key", { query: { partNumber: "2" } });
  assert.ok(part.body.equals(bodies[1]!));
  assert.equal(part.headers["x-amz-mp-parts-count"], "3");
  const copied = await send("/bucket/copy", { method: "PUT", headers: { "x-amz-copy-source": "/bucket/key" } });
  assert.equal(copied.status, 200);
  assert.ok((await send("/bucket/copy")).body.equals(whole));
});

test("CompleteMultipartUpload refuses wrong lists of parts", async (context) => {
  const { send, upload, store } = await setUp(context);
  const { uploadId, etags } = await upload("/bucket/key", [bytes(PART), bytes(100), bytes(200)]);
  const listEtag = `"${"0".repeat(32)}-0"`;
  const wrong: [string, string][] = [
    [completion(etags), "EntityTooSmall"],
    [completion([]), "MalformedXML"],
    ["<CompleteMultipartUpload><Part/></CompleteMultipartUpload>", "MalformedXML"],
    ["no XML", "MalformedXML"],
    [completion([etags[0]!], 2) + completion([]), "MalformedXML"],
    [
      `<CompleteMultipartUpload>${[2, 1].map((n) => `<Part><PartNumber>${n}</PartNumber><ETag>${etags[0]}</ETag></Part>`).join("")}</CompleteMultipartUpload>`,
      "InvalidPartOrder",
    ],
    [completion([listEtag]), "InvalidPart"],
    [completion([partEtag({ storeEtag: '"x"', plainBytes: 2 ** 50, identity: newPart(1) })]), "InvalidPart"],
    [completion([etags[0]!.replace(/^"./, '"x')]), "InvalidPart"],
  ];
  for (const [body, code] of wrong) {
    assert.equal(
      (await send("/bucket/key", { method: "POST", query: { uploadId }, body })).code,
      code,
      body.slice(0, 200),
    );
  }
  assert.equal(store.objects.size, 0);
  const whole = { method: "POST", query: { uploadId }, headers: { "x-amz-checksum-type": "FULL_OBJECT" } };
  assert.equal((await send("/bucket/key", { ...whole, body: completion([etags[0]!]) })).code, "NotImplemented");
});

test("an upload that a KEK's rotation falls into can be completed and read", async (context) => {
  const before = await setUp(context);
  const first = await before.upload("/bucket/key", [bytes(PART, 1)]);
  const after = await startTestProxy({ endpoint: before.store.endpoint }, { keks: fixedKeks(2) });
  context.after(() => after.close());
  const query = { partNumber: "2", uploadId: first.uploadId };
  const second = await sendTo(after.endpoint, "/bucket/key", { method: "PUT", query, body: bytes(9, 2) });
  const body = completion([first.etags[0]!, second.headers.etag ?? ""]);
  await sendTo(after.endpoint, "/bucket/key", { method: "POST", query: { uploadId: first.uploadId }, body });
  const got = await sendTo(after.endpoint, "/bucket/key");
  assert.ok(got.body.equals(Buffer.concat([bytes(PART, 1), bytes(9, 2)])));
});

test("the proxy answers 100-continue only after the request was found to be allowed", async (context) => {
  const { proxy, store } = await setUp(context);
  const attempt = async (headers: Record<string, string>) => {
    const outgoing = httpRequest(`${proxy.endpoint}/bucket/key`, { method: "PUT", headers, agent: false });
    let continued = false;
    outgoing.once("continue", () => {
      continued = true;
      outgoing.end("content");
    });
    outgoing.flushHeaders();
    const [response] = await once(outgoing, "response");
    response.resume();
    outgoing.destroy();
    return { continued, status: response.statusCode };
  };
  const options = {
    method: "PUT",
    payload: "UNSIGNED-PAYLOAD",
    headers: { expect: "100-continue", "content-length": "7" },
  };
  const headers = signed(proxy.endpoint, "/bucket/key", options);
  assert.deepEqual(await attempt(headers), { continued: true, status: 200 });
  store.objects.clear();
  const forged = { ...headers, authorization: headers["authorization"]!.replace(/.$/, "x") };
  assert.deepEqual(await attempt(forged), { continued: false, status: 400 });
});

test("an empty expectation is none, and an unknown one is refused", async (context) => {
  const { send } = await setUp(context);
  const put = (expect: string) => send("/bucket/key", { method: "PUT", body: "content", headers: { expect } });
  assert.equal((await put("")).status, 200);
  assert.equal((await put("a miracle")).status, 417);
});

test("a store that can't be reached is a 503 without its address", async (context) => {
  const { store, proxy } = await setUp(context);
  store.intercept = (request) => {
    request.socket.destroy();
    return true;
  };
  for (const request of [{}, { method: "PUT", body: "content" }]) {
    const got = await sendTo(proxy.endpoint, "/bucket/key", request);
    assert.equal(got.status, 503);
    assert.ok(!got.body.toString().includes(store.endpoint.port));
  }
});

test("a KEK that can't be had is a 500 that says nothing, and nothing is stored", async (context) => {
  const fail = () => Promise.reject(new Error("secret reason"));
  const keks = { current: fail, get: fail };
  const { store, put } = await setUp(context, { keks });
  const got = await put("/bucket/key", "content");
  assert.equal(got.code, "InternalError");
  assert.ok(!got.body.toString().includes("secret"));
  assert.equal(store.objects.size, 0);
});

test("ListParts leaves out the leader that an interrupted completion left", async (context) => {
  const { store, send, upload } = await setUp(context);
  const { uploadId, etags } = await upload("/bucket/key", [bytes(5), bytes(6)]);
  const [first] = etags;
  store.intercept = (request, response) => {
    if (request.method !== "POST") return false;
    request.resume();
    response.writeHead(500).end();
    return true;
  };
  const failed = await send("/bucket/key", { method: "POST", query: { uploadId }, body: completion([first!]) });
  assert.equal(failed.status, 500);
  assert.ok(store.uploads.get(uploadId)?.parts.has(1));
  const listed = (await send("/bucket/key", { query: { uploadId, "max-parts": "2" } })).body.toString();
  assert.deepEqual(
    [...listed.matchAll(/<Size>(\d+)</g)].map(([, size]) => size),
    ["5", "6"],
  );
  assert.equal((await send("/bucket/key", { query: { uploadId, "max-parts": "x" } })).code, "InvalidArgument");
});

test("long operations keep their client waiting by spaces, and end with a result or an error", async (context) => {
  const { store, proxy, put, send } = await setUp(context, { patienceMs: 0 });
  await put("/bucket/key", "content");
  const copySlowly = async (path: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    store.hold = promise;
    const response = await open(proxy.endpoint, path, {
      method: "PUT",
      headers: { "x-amz-copy-source": "/bucket/key" },
    });
    // The answer has begun, and the store has not said a word yet.
    resolve();
    assert.equal(response.statusCode, 200);
    return Buffer.concat(await response.toArray()).toString();
  };
  assert.match(await copySlowly("/bucket/copy"), /^<\?xml[^>]*\?>\n *<CopyObjectResult .*<\/CopyObjectResult>$/s);
  assert.equal((await send("/bucket/copy")).body.toString(), "content");
  store.object("bucket/key").headers = {};
  assert.match(await copySlowly("/bucket/other"), /<Error><Code>ObjectNotAuthentic<\/Code>/);
  assert.ok(!store.objects.has("bucket/other"));
});

test("answers have only those headers of the store that are S3's", async (context) => {
  const { store, put, send } = await setUp(context);
  await put("/bucket/key", "content");
  const { headers } = store.object("bucket/key");
  Object.assign(headers, { "set-cookie": "a=b", "access-control-allow-origin": "*", "x-amz-id-2": "x", via: "x" });
  Object.assign(headers, { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-storage-class": "GLACIER" });
  const got = await send("/bucket/key");
  for (const name of ["set-cookie", "access-control-allow-origin", "x-amz-id-2", "via", "x-amz-checksum-crc32"]) {
    assert.equal(got.headers[name], undefined, name);
  }
  assert.equal(got.headers["x-amz-storage-class"], "GLACIER");
});

test("headers that come more than once count as signed, joined by a comma", async (context) => {
  const { proxy, store } = await setUp(context);
  const options = {
    method: "PUT",
    payload: "UNSIGNED-PAYLOAD",
    headers: { "x-amz-meta-a": "b,c", "content-length": "0" },
  };
  const headers = signed(proxy.endpoint, "/bucket/key", options);
  const put = async (values: string[]) => {
    const twice = { ...headers, "x-amz-meta-a": values };
    const outgoing = httpRequest(`${proxy.endpoint}/bucket/key`, { method: "PUT", headers: twice, agent: false }).end();
    const [response] = await once(outgoing, "response");
    response.resume();
    return response.statusCode;
  };
  assert.equal(await put(["b", "d"]), 403);
  assert.equal(await put(["b", "c"]), 200);
  assert.equal(store.object("bucket/key").headers["x-amz-meta-a"], "b,c");
});

test("part 1 of an object of one request is all of it, and no other number is a part", async (context) => {
  const { put, send } = await setUp(context);
  await put("/bucket/key", "content");
  const got = await send("/bucket/key", { query: { partNumber: "1" } });
  assert.deepEqual([got.status, got.headers["content-range"], got.body.toString()], [206, "bytes 0-6/7", "content"]);
  assert.equal((await send("/bucket/key", { query: { partNumber: "2" } })).code, "InvalidPartNumber");
  for (const partNumber of ["0", "x", "10001"]) {
    assert.equal((await send("/bucket/other", { query: { partNumber } })).code, "InvalidArgument");
  }
});

test("ListParts gives no more parts than were asked for, and says where it goes on", async (context) => {
  const { send, upload } = await setUp(context);
  const { uploadId } = await upload("/bucket/key", [bytes(5), bytes(6), bytes(7)]);
  const list = async (query: Record<string, string>) => {
    const { body } = await send("/bucket/key", { query: { uploadId, ...query } });
    const text = body.toString();
    return [...text.matchAll(/<(?:Size|IsTruncated|NextPartNumberMarker)>(\w+)</g)].map(([, value]) => value);
  };
  assert.deepEqual(await list({ "max-parts": "2" }), ["5", "6", "2", "true"]);
  assert.deepEqual(await list({ "max-parts": "3" }), ["5", "6", "7", "false"]);
});

test("GetObjectAttributes of nothing says which kind of nothing", async (context) => {
  const { send } = await setUp(context);
  const headers = { "x-amz-object-attributes": "ETag" };
  assert.equal((await send("/bucket/none", { query: { attributes: "" }, headers })).code, "NoSuchKey");
});
