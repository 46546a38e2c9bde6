import assert from "node:assert/strict";
import { before, after, test } from "node:test";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { TestCa } from "@constellation/testkit/test-ca";
import { BEHAVIOURS, type Place } from "./testing/behaviours.ts";
import { type Minio, startMinio } from "./testing/minio.ts";
import { CLIENT, OWNER, startTestProxy, type TestProxy } from "./testing/proxy.ts";
import { plainClient, sdkClient } from "./testing/sdk.ts";

// Each behaviour is tried at the store itself and through the proxy, both over TLS; what an application sees must be
// the same.

let minio: Minio;
let proxy: TestProxy;
let direct: Omit<Place, "bucket">;
let through: Omit<Place, "bucket">;

before(async () => {
  minio = await startMinio({ tls: true });
  const ca = await TestCa.create("clients");
  const { certificatePem, keyPem } = await ca.issue({ commonName: "s3proxy", addresses: ["127.0.0.1"] });
  const tls = { certificate: certificatePem, key: keyPem };
  proxy = await startTestProxy({ endpoint: minio.endpoint, ca: minio.ca }, {}, { tls });
  direct = { s3: sdkClient(minio.endpoint.origin, OWNER, minio.ca), plain: plainClient(minio.ca ?? "") };
  through = { s3: sdkClient(proxy.endpoint, CLIENT, ca.certificatePem), plain: plainClient(ca.certificatePem) };
});

after(async () => {
  direct?.s3.destroy();
  through?.s3.destroy();
  await proxy?.close();
  await minio?.close();
});

test("there are at least sixty behaviours, each of its own name", () => {
  assert.ok(BEHAVIOURS.length >= 60, `${BEHAVIOURS.length}`);
  assert.equal(new Set(BEHAVIOURS.map(({ name }) => name)).size, BEHAVIOURS.length);
});

for (const [index, { name, run }] of BEHAVIOURS.entries()) {
  test(`the proxy ${name} as the store does`, async () => {
    const [here, there] = [`direct-${index}`, `through-${index}`];
    await direct.s3.send(new CreateBucketCommand({ Bucket: here }));
    await through.s3.send(new CreateBucketCommand({ Bucket: there }));
    const wanted = await run({ ...direct, bucket: here });
    const got = await run({ ...through, bucket: there });
    assert.notEqual(wanted, undefined);
    assert.deepEqual(got, wanted);
  });
}
