/**
 * Puts an object through the S3 proxy, reads it back whole and in part, and reads what the store has of it; prints what it
 * saw as a line of JSON. The proxy's authority is told by NODE_EXTRA_CA_CERTS.
 */
import { createHash } from "node:crypto";
import { CLIENT, OWNER } from "@constellation/s3proxy/testing/proxy";
import { send } from "@constellation/s3proxy/testing/client";

const [proxy = "", store = "", marker = ""] = process.argv.slice(2);
const PATH = "/e2e-bucket/object";
const SIZE_BYTES = 3 * 1024 * 1024 + 17;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const body = Buffer.alloc(SIZE_BYTES, marker);
const answers = {
  bucket: await send(proxy, "/e2e-bucket", { method: "PUT" }),
  put: await send(proxy, PATH, { method: "PUT", body }),
  whole: await send(proxy, PATH),
  part: await send(proxy, PATH, { headers: { range: "bytes=1000000-1000999" } }),
  raw: await send(store, PATH, { credentials: OWNER }),
  stranger: await send(proxy, PATH, { credentials: { ...CLIENT, secretAccessKey: "a guess" } }),
};
const statuses = Object.fromEntries(Object.entries(answers).map(([name, { status }]) => [name, status]));
const { whole, part, raw } = answers;
console.log(
  JSON.stringify({
    statuses,
    whole: sha256(whole.body) === sha256(body),
    part: part.body.equals(body.subarray(1_000_000, 1_001_000)),
    rawLonger: raw.body.length > body.length,
    rawHasMarker: raw.body.includes(marker),
  }),
);
