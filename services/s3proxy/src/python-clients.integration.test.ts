import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCa } from "@constellation/testkit/test-ca";
import { type Minio, startMinio } from "./testing/minio.ts";
import { startTestProxy, type TestProxy } from "./testing/proxy.ts";
import { PythonClient } from "./testing/python-clients.ts";
import { bytes } from "./testing/setting.ts";

// The AWS command line and boto3 as they are, with their own defaults.

let folder: string;
let minio: Minio;
let proxy: TestProxy;
let client: PythonClient;
const large = bytes(20_000_123);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "constellation-s3-clients-"));
  minio = await startMinio({ tls: true });
  const ca = await TestCa.create("clients");
  const { certificatePem, keyPem } = await ca.issue({ commonName: "s3proxy", addresses: ["127.0.0.1"] });
  const tls = { certificate: certificatePem, key: keyPem };
  proxy = await startTestProxy({ endpoint: minio.endpoint, ca: minio.ca }, {}, { tls });
  client = await PythonClient.create(folder, proxy.endpoint, ca.certificatePem);
  await writeFile(join(folder, "large"), large);
  await writeFile(join(folder, "small"), "small content\n");
  await client.aws("s3", "mb", "s3://bucket");
});

after(async () => {
  await proxy?.close();
  await minio?.close();
  await rm(folder, { recursive: true, force: true });
});

test("aws s3 copies up and down, in one request and in parts, and lists true sizes", async () => {
  await client.aws("s3", "cp", "small", "s3://bucket/a/small");
  await client.aws("s3", "cp", "large", "s3://bucket/a/large");
  const listed = await client.aws("s3", "ls", "s3://bucket/a/");
  assert.match(listed, / {2,}20000123 large\n.* {2,}14 small\n/);
  await client.aws("s3", "cp", "s3://bucket/a/large", "back");
  assert.ok((await readFile(join(folder, "back"))).equals(large));
});

test("aws s3 streams, copies in the store, moves, synchronises and removes", async () => {
  await client.aws("s3", "cp", "large", "s3://bucket/b/large");
  await client.aws("s3", "cp", "s3://bucket/b/large", "s3://bucket/b/copy");
  await client.aws("s3", "mv", "s3://bucket/b/copy", "s3://bucket/b/moved");
  await client.aws("s3", "sync", "s3://bucket/b/", "synced");
  assert.deepEqual((await readdir(join(folder, "synced"))).sort(), ["large", "moved"]);
  assert.ok((await readFile(join(folder, "synced/moved"))).equals(large));
  // A second time there is nothing to do: sizes and times agree.
  assert.equal(await client.aws("s3", "sync", "s3://bucket/b/", "synced"), "");
  await client.aws("s3", "rm", "--recursive", "s3://bucket/b/");
  assert.equal(
    (await client.aws("s3api", "list-objects-v2", "--bucket=bucket", "--prefix=b/", "--query=Contents")).trim(),
    "null",
  );
});

test("aws s3api gets ranges, and presigned addresses work", async () => {
  await client.aws("s3", "cp", "large", "s3://bucket/c/large");
  await client.aws("s3api", "get-object", "--bucket=bucket", "--key=c/large", "--range=bytes=9000000-9000099", "part");
  assert.ok((await readFile(join(folder, "part"))).equals(large.subarray(9_000_000, 9_000_100)));
  const url = (await client.aws("s3", "presign", "s3://bucket/c/large")).trim();
  assert.match(url, /X-Amz-Signature=/);
  const python = `import urllib.request, ssl; print(len(urllib.request.urlopen(${JSON.stringify(url)}, context=ssl.create_default_context(cafile="ca.pem")).read()))`;
  assert.equal((await client.script(python)).trim(), "20000123");
});

test("boto3 transfers files, checks every checksum, and pages through listings", async () => {
  const script = `
import boto3, io, hashlib
s3 = boto3.client("s3")
data = open("large", "rb").read()
s3.upload_fileobj(io.BytesIO(data), "bucket", "d/large", ExtraArgs={"Metadata": {"a": "b"}})
back = io.BytesIO()
s3.download_fileobj("bucket", "d/large", back)
assert back.getvalue() == data
for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket="bucket", Key="d/" + algorithm, Body=data[:100000], ChecksumAlgorithm=algorithm)
    assert s3.get_object(Bucket="bucket", Key="d/" + algorithm, ChecksumMode="ENABLED")["Body"].read() == data[:100000]
s3.copy({"Bucket": "bucket", "Key": "d/large"}, "bucket", "d/copy")
head = s3.head_object(Bucket="bucket", Key="d/copy")
assert head["ContentLength"] == len(data), head
sizes = [o["Size"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix="d/", PaginationConfig={"PageSize": 2}) for o in page["Contents"]]
print(sorted(sizes))
`;
  assert.equal((await client.script(script)).trim(), "[100000, 100000, 100000, 20000123, 20000123]");
});
