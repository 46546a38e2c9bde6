import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { KmsError } from "../error.ts";
import { revealText } from "../http/text-secret.ts";
import { standIn } from "../testing/http-request.ts";
import { impatientTools } from "../testing/test-tools.ts";
import { awsCredentials } from "./credentials.ts";

const { signal } = new AbortController();
const NOW = new Date("2026-01-01T00:00:00Z");
const FILE = `
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default/secret

# comment
[ kms ]
aws_access_key_id=AKIAKMS
aws_secret_access_key=kms+secret
aws_session_token=token
[empty]
aws_access_key_id = AKIAEMPTY
`;
const noFetch = (): Promise<never> => Promise.reject(new Error("no fetch"));
const unreadable = (error: unknown): boolean =>
  error instanceof KmsError && error.code === "credentials_unreadable" && !error.message.includes("default/secret");

function fromFile(profile: string, text = FILE) {
  const tools = { ...impatientTools(noFetch), readFile: async () => utf8(text) };
  return awsCredentials({ from: "file", path: "/c", profile }, "kms", tools)(signal);
}

test("awsCredentials() reads a profile of a credentials file", async () => {
  const { accessKeyId, secretAccessKey, sessionToken } = await fromFile("kms");
  assert.equal(accessKeyId, "AKIAKMS");
  assert.equal(revealText(secretAccessKey), "kms+secret");
  assert.equal(sessionToken && revealText(sessionToken), "token");
  assert.equal((await fromFile("default")).sessionToken, undefined);
});

test("awsCredentials() refuses a file without the profile, or a profile without a key", async () => {
  await assert.rejects(fromFile("other"), unreadable);
  await assert.rejects(fromFile("empty"), unreadable);
  await assert.rejects(fromFile("default", "x"), unreadable);
});

/** A metadata service that knows version 2 alone. */
function metadata(role: string, asked: string[] = []) {
  return standIn(({ method, url, headers }) => {
    asked.push(url.pathname);
    if (method === "PUT") return new Response("token-1");
    if (headers.get("x-aws-ec2-metadata-token") !== "token-1") return new Response("", { status: 401 });
    if (url.pathname.endsWith("/security-credentials/")) return new Response(role, { status: role === "" ? 404 : 200 });
    const Expiration = "2026-01-01T06:00:00Z";
    return new Response(JSON.stringify({ AccessKeyId: "ASIA", SecretAccessKey: "s", Token: "t", Expiration }));
  });
}

test("awsCredentials() asks the instance's metadata service, and again shortly before the end", async () => {
  const asked: string[] = [];
  let now = NOW;
  const source = awsCredentials({ from: "instance" }, "kms", {
    ...impatientTools(metadata("role", asked)),
    now: () => now,
  });
  assert.equal((await source(signal)).accessKeyId, "ASIA");
  await source(signal);
  assert.equal(asked.length, 3);
  now = new Date("2026-01-01T05:56:00Z");
  await source(signal);
  assert.equal(asked.length, 6);
});

test("awsCredentials() refuses an instance without a role, or with a role that is a path", async () => {
  for (const role of ["", "../other"]) {
    const tools = { ...impatientTools(metadata(role)), now: () => NOW };
    await assert.rejects(awsCredentials({ from: "instance" }, "kms", tools)(signal), unreadable);
  }
});
