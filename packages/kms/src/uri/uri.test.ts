import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError } from "../error.ts";
import type { Tools } from "../http/fetch.ts";
import type { KmipServer } from "../node/kmip-exchange.ts";
import { impatientTools } from "../testing/test-tools.ts";
import { type KmsDependencies, openKms } from "./open-kms.ts";
import { openStore } from "./open-store.ts";

const { signal } = new AbortController();
const UUID = "11111111-2222-4333-8444-555555555555";
const SECRET = "s3cret-that-nobody-may-see";
const KEY = "A".repeat(43);

/** Dependencies that note where requests go and answer none. */
function noting(): {
  readonly urls: string[];
  readonly servers: KmipServer[];
  readonly dependencies: KmsDependencies;
  tools: Tools;
} {
  const urls: string[] = [];
  const servers: KmipServer[] = [];
  const tools: Tools = {
    ...impatientTools(async (url) => {
      urls.push(url);
      return new Response("{}", { status: 400 });
    }),
    readFile: async (path) =>
      utf8(path === "/aws" ? `[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key=x\n` : "word"),
  };
  const kmip = (server: KmipServer) => {
    servers.push(server);
    return () => Promise.reject(new KmsError("kms_denied", "no server"));
  };
  return { urls, servers, tools, dependencies: { tools: () => tools, kmip, random: randomBytes } };
}

const ASKED: readonly [string, RegExp][] = [
  [
    "kms://aws?region=eu-central-1&keyName=alias/kek&credentialsFile=/aws",
    /^https:\/\/kms\.eu-central-1\.amazonaws\.com\/$/,
  ],
  [
    "kms://aws?region=cn-north-1&keyName=kek&accessKeyID=AKIAIOSFODNN7EXAMPLE&accessKey=x",
    /^https:\/\/kms\.cn-north-1\.amazonaws\.com\.cn\/$/,
  ],
  ["kms://aws?region=eu-central-1&keyName=kek", /^http:\/\/169\.254\.169\.254\/latest\/api\/token$/],
  [
    "kms://aws?region=eu-central-1&keyName=kek&credentialsFile=/aws&endpoint=https://vpce.example",
    /^https:\/\/vpce\.example\/$/,
  ],
  [
    `kms://azure?tenantID=${UUID}&clientID=${UUID}&clientSecret=x&vaultName=v-1&keyName=kek`,
    /^https:\/\/login\.microsoftonline\.com\/1/,
  ],
  [
    `kms://azure?tenantID=${UUID}&clientID=${UUID}&clientSecretFile=/f&vaultType=vault.azure.cn&vaultName=v-1&keyName=kek`,
    /^https:\/\/login\.chinacloudapi\.cn\/1/,
  ],
  ["kms://azure?vaultName=v-1&keyName=kek", /^http:\/\/169\.254\.169\.254\/metadata\/identity\/oauth2\/token\?/],
  [
    "kms://gcp?projectID=project&location=global&keyRing=r&keyName=kek",
    /^http:\/\/169\.254\.169\.254\/computeMetadata\//,
  ],
  [
    "kms://vault?address=https://vault.example:8200&keyName=kek&tokenFile=/t",
    /^https:\/\/vault\.example:8200\/v1\/transit\/encrypt\/kek$/,
  ],
  [
    "kms://vault?address=https://v.example&mount=a/b&keyName=kek&auth=approle&roleID=r&secretIDFile=/s",
    /^https:\/\/v\.example\/v1\/auth\/approle\/login$/,
  ],
  [
    "kms://vault?address=http://127.0.0.1:8200&keyName=kek&auth=kubernetes&authMount=k/c&role=r&jwtFile=/s",
    /^http:\/\/127\.0\.0\.1:8200\/v1\/auth\/k\/c\/login$/,
  ],
];
for (const [uri, asked] of ASKED) {
  test(`openKms() asks where ${uri.replace(/&accessKey=.*/, "")} says`, async () => {
    const { urls, dependencies } = noting();
    const kms = await openKms(uri, dependencies, signal);
    await assert.rejects(kms.wrap(new Secret(new Uint8Array(1)), utf8("x"), signal), KmsError);
    assert.match(urls[0] ?? "", asked);
  });
}

test("openKms() reads the address of a KMIP server, with its port or without", async () => {
  const files = "caFile=/ca&certificateFile=/crt&keyFile=/key";
  const { servers, dependencies } = noting();
  await openKms(`kms://kmip?address=kmip.example&${files}&keyName=kek`, dependencies, signal);
  await openKms(`kms://kmip?address=[::1]:5697&version=2.1&${files}&keyID=7`, dependencies, signal);
  assert.deepEqual(
    servers.map(({ host, port }) => [host, port]),
    [
      ["kmip.example", 5696],
      ["::1", 5697],
    ],
  );
});

test("openKms() opens the cluster's KMS by the predecessor's fields and by the CLI's file", async () => {
  const { dependencies, tools } = noting();
  const text = JSON.stringify({ key: `${KEY}=`, salt: `${KEY}=` });
  const withFile = { ...dependencies, tools: () => ({ ...tools, readFile: async () => utf8(text) }) };
  const given = await openKms(`kms://cluster-kms?key=${KEY}&salt=${KEY}%3D`, dependencies, signal);
  const fromFile = await openKms("kms://cluster-kms?masterSecretFile=/m", withFile, signal);
  const secret = new Secret(Uint8Array.of(1, 2, 3));
  const wrapped = await given.wrap(secret, utf8("x"), signal);
  assert.ok((await fromFile.unwrap(wrapped, utf8("x"), signal)).equals(secret));
});

test("openStore() asks where a URI says", async () => {
  const uris: readonly [string, RegExp][] = [
    [
      "storage://aws?bucket=my-keys&region=eu-central-1&credentialsFile=/aws",
      /^https:\/\/my-keys\.s3\.eu-central-1\.amazonaws\.com\/a$/,
    ],
    [
      "storage://aws?bucket=my.keys&region=eu-central-1&credentialsFile=/aws&prefix=p/",
      /^https:\/\/s3\.eu-central-1\.amazonaws\.com\/my\.keys\/p\/a$/,
    ],
    [
      "storage://aws?bucket=keys&region=us-east-1&credentialsFile=/aws&endpoint=https://minio.example",
      /^https:\/\/minio\.example\/keys\/a$/,
    ],
    [
      `storage://azure?account=keys&container=keys&tenantID=${UUID}&clientID=${UUID}&clientSecret=x`,
      /^https:\/\/login\.microsoftonline\.com\/1/,
    ],
    ["storage://gcp?projectID=project&bucket=keys", /^http:\/\/169\.254\.169\.254\/computeMetadata\//],
  ];
  for (const [uri, asked] of uris) {
    const { urls, tools } = noting();
    const store = openStore(uri, { tools });
    await assert.rejects(store?.get("a", signal) ?? Promise.resolve(), KmsError);
    assert.match(urls[0] ?? "", asked);
  }
  assert.equal(openStore("storage://no-store", { tools: noting().tools }), undefined);
});

const REFUSED: readonly [string, RegExp][] = [
  ["", /got another form/],
  ["https://aws", /got another form/],
  ["kms://nothing", /got "kms:\/\/nothing", wanted one of "kms:\/\/aws"/],
  ["storage://aws?bucket=keys", /got "storage:\/\/aws"/],
  ["kms://aws?keyName=kek", /region: got nothing, wanted a region/],
  ["kms://aws?region=x&keyName=kek", /region: got "x", wanted a region/],
  ["kms://aws?region=eu-central-1", /keyName: got nothing/],
  ["kms://aws?region=eu-central-1&region=eu-central-1&keyName=kek", /region: got it twice, wanted it once/],
  ["kms://aws?region=eu-central-1&keyName=kek&other=x", /other: got it, wanted no such field/],
  [`kms://aws?region=eu-central-1&keyName=kek&accessKey=${SECRET}`, /accessKey: got it, wanted no such field/],
  ["kms://aws?region=eu-central-1&keyName=kek&accessKeyID=AKIAIOSFODNN7EXAMPLE", /accessKey: got nothing/],
  [
    `kms://aws?region=eu-central-1&keyName=kek&accessKeyID=AKIAIOSFODNN7EXAMPLE&accessKey=${SECRET}%00`,
    /accessKey: got other characters/,
  ],
  [
    "kms://aws?region=eu-central-1&keyName=kek&credentialsFile=relative",
    /credentialsFile: got "relative", wanted an absolute path/,
  ],
  ["kms://aws?region=eu-central-1&keyName=kek&endpoint=http://kms.example", /endpoint: got another address/],
  [
    `kms://aws?region=eu-central-1&keyName=kek&endpoint=https://u:${SECRET}@kms.example`,
    /endpoint: got another address/,
  ],
  ["kms://aws?region=%ZZ&keyName=kek", /region: got percent signs/],
  ["kms://aws?=x", /got a field without a name/],
  [`kms://aws?${SECRET}`, /got a field without a name/],
  [
    "kms://azure?vaultName=v-1&keyName=kek&vaultType=example.com",
    /vaultType: got "example.com", wanted "vault.azure.net" or/,
  ],
  [`kms://azure?vaultName=v-1&keyName=kek&tenantID=${UUID}`, /clientID: got nothing, wanted a UUID beside tenantID/],
  ["kms://azure?vaultName=v.evil&keyName=kek", /vaultName: got "v.evil"/],
  ["kms://gcp?projectID=project&location=l/..&keyRing=r&keyName=kek", /location: got "l\/.."/],
  ["kms://vault?keyName=kek&tokenFile=/t", /address: got nothing/],
  ["kms://vault?address=https://v.example/path&keyName=kek&tokenFile=/t", /address: got another address/],
  ["kms://vault?address=https://v.example&keyName=kek", /tokenFile: got nothing/],
  ["kms://vault?address=https://v.example&keyName=../x&tokenFile=/t", /keyName: got "..\/x"/],
  [
    "kms://kmip?address=h:70000&caFile=/a&certificateFile=/b&keyFile=/c&keyID=1",
    /address: got "h:70000", wanted a port/,
  ],
  ["kms://kmip?address=h&version=1.0&caFile=/a&certificateFile=/b&keyFile=/c&keyID=1", /version: got "1.0"/],
  ["kms://kmip?address=h&caFile=/a&certificateFile=/b&keyFile=/c", /keyID: got nothing/],
  [`kms://cluster-kms?key=${SECRET}&salt=${KEY}`, /key: got another secret, wanted base64url of 32 bytes/],
  [`kms://cluster-kms?key=${KEY}`, /salt: got nothing/],
];
for (const [uri, wanted] of REFUSED) {
  test(`openKms() refuses ${uri.replaceAll(SECRET, "<secret>")} and shows no secret`, async () => {
    const opened = openKms(uri, noting().dependencies, signal);
    await assert.rejects(opened, (error) => {
      assert.ok(error instanceof KmsError && error.code === "uri_invalid");
      assert.match(error.message, wanted);
      assert.ok(!inspect(error).includes(SECRET));
      return true;
    });
  });
}

test("openStore() refuses stores and prefixes that are none", () => {
  const { tools } = noting();
  for (const uri of [
    "kms://aws",
    "storage://x",
    "storage://kubernetes",
    "storage://gcp?bucket=keys&prefix=a",
    "storage://gcp?bucket=keys&prefix=../",
  ]) {
    assert.throws(
      () => openStore(uri, { tools }),
      (error) => error instanceof KmsError && error.code === "uri_invalid",
      uri,
    );
  }
});

test("openKms() keeps secrets out of what prints a KMS", async () => {
  const uri = `kms://aws?region=eu-central-1&keyName=kek&accessKeyID=AKIAIOSFODNN7EXAMPLE&accessKey=${SECRET}`;
  const kms = await openKms(uri, noting().dependencies, signal);
  assert.ok(!inspect(kms, { depth: 10, showHidden: true }).includes(SECRET));
  assert.ok(!JSON.stringify(kms).includes(SECRET));
});
