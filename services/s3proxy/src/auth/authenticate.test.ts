import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import { parseTarget } from "../http/target.ts";
import { credentials } from "../testing/proxy.ts";
import { authenticate } from "./authenticate.ts";
import { parseClientCredentials, parseStoreCredentials } from "./credentials.ts";
import { EMPTY_SHA256 } from "./sigv4.ts";

// The examples of "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using Query
// Parameters" in the Amazon S3 API Reference.
const ID = "AKIAIOSFODNN7EXAMPLE";
const HOST = "examplebucket.s3.amazonaws.com";
const NOW = Date.parse("2013-05-24T00:00:00Z");
const HEADERS: IncomingHttpHeaders = {
  host: HOST,
  range: "bytes=0-9",
  "x-amz-content-sha256": EMPTY_SHA256,
  "x-amz-date": "20130524T000000Z",
  authorization:
    `AWS4-HMAC-SHA256 Credential=${ID}/20130524/us-east-1/s3/aws4_request,` +
    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
};
const PRESIGNED =
  "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
  `&X-Amz-Credential=${ID}%2F20130524%2Fus-east-1%2Fs3%2Faws4_request` +
  "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
  "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

interface Attempt {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: IncomingHttpHeaders;
  readonly nowMs?: number;
  readonly region?: string;
  readonly secret?: string;
}

function attempt({ method = "GET", url = "/test.txt", headers = HEADERS, nowMs = NOW, ...rest }: Attempt) {
  const { region = "us-east-1", secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" } = rest;
  const target = parseTarget(url, HOST, "s3.amazonaws.com");
  const clients = new Map([[ID, credentials(ID, secret)]]);
  return authenticate({ method, target, headers }, { clients, region, now: () => new Date(nowMs) });
}

test("authenticate() accepts the published example of a signed header", () => {
  const { accessKeyId, payload } = attempt({});
  assert.deepEqual({ accessKeyId, payload }, { accessKeyId: ID, payload: { kind: "hash", sha256: EMPTY_SHA256 } });
});

test("authenticate() accepts the published example of a presigned query", () => {
  const { payload } = attempt({ url: PRESIGNED, headers: { host: HOST }, nowMs: NOW + 86_400_000 });
  assert.deepEqual(payload, { kind: "unsigned" });
});

const { authorization = "" } = HEADERS;
const refused: readonly (readonly [string, Attempt, string])[] = [
  ["another method", { method: "PUT" }, "SignatureDoesNotMatch"],
  ["another path", { url: "/test.txt2" }, "SignatureDoesNotMatch"],
  ["another query", { url: "/test.txt?acl" }, "SignatureDoesNotMatch"],
  ["another signed header", { headers: { ...HEADERS, range: "bytes=0-8" } }, "SignatureDoesNotMatch"],
  ["another host", { headers: { ...HEADERS, host: "other" } }, "SignatureDoesNotMatch"],
  ["another secret", { secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEZ" }, "SignatureDoesNotMatch"],
  [
    "another payload hash",
    { headers: { ...HEADERS, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
    "SignatureDoesNotMatch",
  ],
  [
    "a changed signature",
    { headers: { ...HEADERS, authorization: authorization.replace(/1$/, "2") } },
    "SignatureDoesNotMatch",
  ],
  ["an unsigned x-amz- header", { headers: { ...HEADERS, "x-amz-acl": "public-read" } }, "AccessDenied"],
  [
    "an unknown access key",
    { headers: { ...HEADERS, authorization: authorization.replace(ID, "AKIAOTHER") } },
    "InvalidAccessKeyId",
  ],
  ["a request of 16 minutes ago", { nowMs: NOW + 960_000 }, "RequestTimeTooSkewed"],
  ["a request of the future", { nowMs: NOW - 960_000 }, "RequestTimeTooSkewed"],
  ["another region", { region: "eu-west-1" }, "AuthorizationHeaderMalformed"],
  ["no signature", { headers: { host: HOST } }, "AccessDenied"],
  ["a missing date", { headers: { ...HEADERS, "x-amz-date": undefined } }, "AccessDenied"],
  [
    "a signed host that is missing",
    { headers: { ...HEADERS, authorization: authorization.replace("host;", "") } },
    "InvalidArgument",
  ],
  ["an older algorithm", { headers: { ...HEADERS, authorization: "AWS id:signature" } }, "InvalidArgument"],
  ["two ways at once", { url: PRESIGNED }, "InvalidArgument"],
  ["an expired query", { url: PRESIGNED, headers: { host: HOST }, nowMs: NOW + 86_401_000 }, "AccessDenied"],
  ["a query of the future", { url: PRESIGNED, headers: { host: HOST }, nowMs: NOW - 960_000 }, "RequestTimeTooSkewed"],
  [
    "a query for too long",
    { url: PRESIGNED.replace("86400", "604801"), headers: { host: HOST } },
    "AuthorizationQueryParametersError",
  ],
  [
    "a query that was lengthened",
    { url: PRESIGNED.replace("86400", "86401"), headers: { host: HOST } },
    "SignatureDoesNotMatch",
  ],
  [
    "a query with an unsigned x-amz- header",
    { url: PRESIGNED, headers: { host: HOST, "x-amz-acl": "a" } },
    "AccessDenied",
  ],
  ["a query with another parameter", { url: `${PRESIGNED}&acl`, headers: { host: HOST } }, "SignatureDoesNotMatch"],
];
for (const [what, change, code] of refused) {
  test(`authenticate() refuses ${what}`, () => {
    assert.throws(() => attempt(change), { name: "S3Error", code });
  });
}

test("parseClientCredentials() and parseStoreCredentials() read what they document", () => {
  const entry = { accessKeyId: "client", secretAccessKey: "12345678" };
  const clients = parseClientCredentials(JSON.stringify({ clients: [entry] }));
  assert.equal(Buffer.from(clients.get("client")!.secretAccessKey.reveal()).toString(), "12345678");
  assert.equal(parseStoreCredentials(JSON.stringify(entry)).accessKeyId, "client");
});

test("parseClientCredentials() refuses other documents and never quotes them", () => {
  const entry = { accessKeyId: "client", secretAccessKey: "hidden-secret" };
  const wrong: unknown[] = [
    {},
    [],
    { clients: [] },
    { clients: [entry, entry] },
    { clients: [{ ...entry, more: 1 }] },
    { clients: [{ ...entry, accessKeyId: "hidden secret" }] },
    { clients: [{ ...entry, secretAccessKey: "hidden\n" }] },
    { clients: [entry], more: "hidden" },
  ];
  for (const text of [...wrong.map((value) => JSON.stringify(value)), "hidden-secret", '{"clients":hidden']) {
    assert.throws(
      () => parseClientCredentials(text),
      (error: Error) => error.name === "CredentialsError" && !error.message.includes("hidden"),
    );
  }
});
