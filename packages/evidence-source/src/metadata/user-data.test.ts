import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { FakeMetadata, status } from "../testing/fake-metadata.ts";
import { createDirectFetch } from "../system/fetch.ts";
import { MetadataClient } from "./metadata-client.ts";
import { getUserData } from "./user-data.ts";

const metadata = await FakeMetadata.start();
after(() => metadata.close());
afterEach(() => metadata.scripts.clear());

const signal = new AbortController().signal;
const client = new MetadataClient(
  { origin: metadata.origin, timeoutMs: 60_000, maxAttempts: 1 },
  { fetch: createDirectFetch(), clock: new FakeClock() },
);
const AZURE = "/metadata/instance/compute/userData?api-version=2021-01-01&format=text";
const GOOGLE = "/computeMetadata/v1/instance/attributes/constellation-metadata";

/** Answers who shows a header only. */
function says(path: string, text: string, header: string, value: string): void {
  metadata.scripts.set(path, [
    (request, response) => {
      const holds = request.headers[header] === value;
      response.writeHead(holds ? 200 : 403).end(holds ? text : "");
    },
  ]);
}

describe("getUserData()", () => {
  test("asks AWS for a token first, and shows it", async () => {
    says("/latest/api/token", "token", "x-aws-ec2-metadata-token-ttl-seconds", "60");
    says("/latest/user-data", "{}", "x-aws-ec2-metadata-token", "token");
    assert.equal(await getUserData("aws", client, signal), "{}");
    assert.match(metadata.questions[0] ?? "", /^PUT \/latest\/api\/token /);
  });

  test("decodes what Azure has in base64", async () => {
    says(AZURE, `${Buffer.from('{"role":"worker"}').toString("base64")}\n`, "metadata", "true");
    assert.equal(await getUserData("azure", client, signal), '{"role":"worker"}');
    says(AZURE, "no base64!", "metadata", "true");
    await assert.rejects(getUserData("azure", client, signal), { code: "metadata_malformed" });
  });

  test("asks Google for an attribute of the instance", async () => {
    says(GOOGLE, "{}", "metadata-flavor", "Google");
    assert.equal(await getUserData("gcp", client, signal), "{}");
  });

  test("fails where there is none", async () => {
    metadata.scripts.set(GOOGLE, [status(404)]);
    await assert.rejects(getUserData("gcp", client, signal), { code: "metadata_status" });
  });
});
