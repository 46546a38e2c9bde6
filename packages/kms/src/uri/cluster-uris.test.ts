import assert from "node:assert/strict";
import { test } from "node:test";
import { KmsError } from "../error.ts";
import { addressIn, describeKms } from "../root/cluster-key-management.ts";
import { isCredentialName, validateClusterUris } from "./cluster-uris.ts";

const KMIP =
  "kms://kmip?address=a.example&keyName=k&caFile=/credentials/ca&certificateFile=/credentials/crt&keyFile=/credentials/key";
const FILES = ["ca", "crt", "key"];

const accepted: [string, string, readonly string[]][] = [
  [KMIP, "", FILES],
  ["kms://aws?region=eu-central-1&keyName=k", "", []],
  [
    "kms://aws?region=eu-central-1&keyName=k&credentialsFile=/credentials/a",
    "storage://aws?bucket=b&credentialsFile=/credentials/a",
    ["a"],
  ],
  ["kms://gcp?projectID=p&endpoint=https://a.example&credentialsPath=/credentials/a", "", ["a"]],
  ["kms://vault?address=https%3A%2F%2Fa.example%3A8200&tokenFile=/credentials/t", "", ["t"]],
  ["kms://azure?vaultName=v&keyName=k", "storage://gcp?bucket=b", []],
];
for (const [kms, storage, files] of accepted) {
  test(`validateClusterUris() accepts ${kms} with "${storage}"`, () => validateClusterUris({ kms, storage }, files));
}

const refused: [string, string, string, readonly string[], RegExp][] = [
  ["the cluster's own root key", "kms://cluster-kms?key=a", "", [], /"kms:\/\/cluster-kms", wanted one of/],
  ["a store for a KMS", "storage://aws", "", [], /got "storage:\/\/aws"/],
  ["a store in the cluster", KMIP, "storage://kubernetes", FILES, /got "storage:\/\/kubernetes"/],
  ["no store", KMIP, "storage://no-store", FILES, /no-store/],
  ["a secret key", "kms://aws?region=r&accessKeyID=a&accessKey=b", "", [], /accessKeyID: got it, wanted a file/],
  ["a client secret", "kms://azure?clientSecret=hunter2", "", [], /clientSecret: got it, wanted a file/],
  ["a file of the machine", KMIP.replace("/credentials/ca", "/etc/shadow"), "", FILES, /caFile: got "\/etc\/shadow"/],
  ["a path out of the folder", KMIP.replace("/credentials/ca", "/credentials/../ca"), "", FILES, /caFile/],
  ["a file that was not given", KMIP, "", ["ca", "crt"], /keyFile: got "\/credentials\/key", wanted one of/],
  ["a file that nothing names", KMIP, "", [...FILES, "extra"], /credentials: got "extra"/],
  ["a name that is a path", KMIP, "", [...FILES, "../x"], /credentials: got the name "\.\.\/x"/],
  [
    "the machine's token to any endpoint",
    "kms://gcp?endpoint=https://a.example",
    "",
    [],
    /endpoint: got it with the machine's own/,
  ],
  ["the machine's token to any store", KMIP, "storage://azure?endpoint=https://a.example", FILES, /own identity/],
  [
    "an endpoint in clear",
    "kms://vault?address=http%3A%2F%2F127.0.0.1&tokenFile=/credentials/t",
    "",
    ["t"],
    /got http, wanted https/,
  ],
];
for (const [what, kms, storage, files, message] of refused) {
  test(`validateClusterUris() refuses ${what}, and shows no secret`, () => {
    assert.throws(
      () => validateClusterUris({ kms, storage }, files),
      (error: unknown) => {
        assert.ok(error instanceof KmsError);
        assert.equal(error.code, "uri_invalid");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  });
}

test("isCredentialName() takes names that are one key of a Secret", () => {
  for (const name of ["ca.crt", "a", "client_key-1"]) assert.ok(isCredentialName(name));
  for (const name of ["", ".", "a/b", "..", "a..b", "-a", "a.", "ä", "a".repeat(64)])
    assert.ok(!isCredentialName(name));
});

test("describeKms() names kind and address, and no other field", () => {
  assert.equal(describeKms(KMIP), "kms://kmip at a.example");
  assert.equal(describeKms("kms://aws?region=r&keyName=secret"), "kms://aws");
  assert.equal(
    describeKms("kms://vault?address=https%3A%2F%2Fa.example%3A8200&x=y"),
    "kms://vault at https%3A%2F%2Fa.example%3A8200",
  );
});

test("addressIn() gives the address as a URL, with KMIP's port", () => {
  assert.equal(addressIn(KMIP), "https://a.example:5696");
  assert.equal(addressIn("kms://kmip?address=10.42.0.1:1234"), "https://10.42.0.1:1234");
  assert.equal(addressIn("kms://vault?address=https%3A%2F%2F10.42.0.1%3A8200"), "https://10.42.0.1:8200");
  assert.equal(addressIn("kms://aws?region=r"), undefined);
});
