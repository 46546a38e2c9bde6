import assert from "node:assert/strict";
import { test } from "node:test";
import { textSecret } from "../http/text-secret.ts";
import { encodeUri, signed } from "./sigv4.ts";

const CREDENTIALS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: textSecret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
};
const NOW = new Date("2015-08-30T12:36:00Z");
const SCOPE = { region: "us-east-1", service: "kms" } as const;

/** Signatures by botocore 1.44.8 for the same requests; moto checks others in the integration test. */
test("signed() signs as botocore does", () => {
  const body = '{"KeyId":"x"}';
  const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.DescribeKey" };
  const request = { method: "POST", url: "https://kms.us-east-1.amazonaws.com/", headers, body } as const;
  const { headers: got } = signed(request, SCOPE, CREDENTIALS, NOW);
  assert.equal(got["x-amz-date"], "20150830T123600Z");
  assert.match(got["authorization"] ?? "", /Credential=AKIDEXAMPLE\/20150830\/us-east-1\/kms\/aws4_request, /);
  assert.match(
    got["authorization"] ?? "",
    /Signature=196d0b9a4d94e20d95373e6057dab5fbf7f11f871cdd317599dffbdbb3895bdb$/,
  );
});

test("signed() covers the session token, and a query in its order", () => {
  const url = `https://keys.s3.us-east-1.amazonaws.com/?prefix=${encodeUri("a/b c")}&list-type=2`;
  const credentials = { ...CREDENTIALS, sessionToken: textSecret("token") };
  const { headers } = signed({ method: "GET", url, headers: {} }, { ...SCOPE, service: "s3" }, credentials, NOW);
  assert.equal(headers["x-amz-security-token"], "token");
  assert.match(
    headers["authorization"] ?? "",
    /SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, /,
  );
  assert.match(
    headers["authorization"] ?? "",
    /Signature=a1d364224b31182d6985a638d7751a69017629a28fc0cd28905fedd7a5b56813$/,
  );
});

test("encodeUri() leaves unreserved characters alone only", () => {
  assert.equal(encodeUri("AZaz09-._~"), "AZaz09-._~");
  assert.equal(encodeUri("!'()* /+"), "%21%27%28%29%2A%20%2F%2B");
});
