import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError } from "../error.ts";
import type { Tools } from "../http/fetch.ts";
import { jsonResponse, standIn } from "../testing/http-request.ts";
import { impatientTools, patientTools } from "../testing/test-tools.ts";
import { vaultCompliance, vaultTransit } from "../testing/vault-compliance.ts";
import { VAULT_ROLE_ID, VAULT_SECRET_ID, VAULT_TOKEN, VaultStandIn } from "../testing/vault-stand-in.ts";
import type { VaultCredentialOptions } from "./vault-token.ts";

const { signal } = new AbortController();
const ADDRESS = "https://vault.example:8200";
const FILES = new Map([
  ["/token", VAULT_TOKEN],
  ["/wrong", "hvs.wrong"],
  ["/secret-id", `${VAULT_SECRET_ID}\n`],
  ["/jwt", "eyJ"],
]);
const readFile: Tools["readFile"] = async (path) => utf8(FILES.get(path) ?? "");
const TOKEN_FILE: VaultCredentialOptions = { from: "token-file", path: "/token" };
const APPROLE = { from: "approle", mount: "approle", roleId: VAULT_ROLE_ID } as const;
const KUBERNETES = { from: "kubernetes", mount: "kubernetes", role: "kms" } as const;
const LOGINS: readonly { readonly login: VaultCredentialOptions; readonly wrongLogin: VaultCredentialOptions }[] = [
  { login: TOKEN_FILE, wrongLogin: { from: "token-file", path: "/wrong" } },
  { login: { ...APPROLE, secretIdPath: "/secret-id" }, wrongLogin: { ...APPROLE, secretIdPath: "/wrong" } },
  { login: { ...KUBERNETES, jwtPath: "/jwt" }, wrongLogin: { ...KUBERNETES, jwtPath: "/wrong" } },
];

for (const logins of LOGINS) {
  vaultCompliance(`Vault at a stand-in, login by ${logins.login.from}`, async () => {
    const vault = new VaultStandIn();
    return {
      ...logins,
      fetch: vault.fetch,
      readFile,
      address: ADDRESS,
      administrator: TOKEN_FILE,
      destroyKey: async (name) => void vault.keys.delete(name),
      stop: async () => undefined,
    };
  });
}

test("VaultTransit refuses a key that takes no associated data", async () => {
  const fetch = standIn(() => jsonResponse({ data: { type: "rsa-4096", derived: false } }));
  const key = vaultTransit(ADDRESS, "kek", patientTools({ fetch, readFile }), TOKEN_FILE);
  await assert.rejects(key.describeKey(signal), (error) => error instanceof KmsError && error.code === "kms_key_unfit");
});

test("VaultTransit tells a sealed Vault as a failure that may end", async () => {
  let asked = 0;
  const fetch = standIn(() => {
    asked += 1;
    return jsonResponse({ errors: ["Vault is sealed"] }, 503);
  });
  const tools = { ...impatientTools(fetch), readFile };
  const key = vaultTransit(ADDRESS, "kek", tools, TOKEN_FILE);
  const wrapped = key.wrapKey(new Secret(randomBytes(32)), utf8("x"), signal);
  await assert.rejects(wrapped, (error) => error instanceof KmsError && error.code === "kms_failed");
  assert.equal(asked, tools.limits.maxAttempts);
});

const LOGIN = "/v1/auth/approle/login";

/** A Vault with the key `kek`, and a client of it that logs in by AppRole. */
function byAppRole(keyName: string, secretIdPath = "/secret-id") {
  const vault = new VaultStandIn();
  vault.keys.set("kek", randomBytes(32));
  const tools = patientTools({ fetch: vault.fetch, readFile });
  return { vault, key: vaultTransit(ADDRESS, keyName, tools, { ...APPROLE, secretIdPath }) };
}

test("VaultTransit logs in once, and asks for no key, when its login is refused", async () => {
  const { vault, key } = byAppRole("kek", "/wrong");
  const wrapped = key.wrapKey(new Secret(randomBytes(32)), utf8("x"), signal);
  await assert.rejects(wrapped, (error) => error instanceof KmsError && error.code === "kms_denied");
  assert.deepEqual(vault.paths, [LOGIN]);
});

test("VaultTransit logs in once for a wrap, also where the lease is too short to keep the token", async () => {
  const { vault, key } = byAppRole("kek");
  Object.assign(vault, { leaseSeconds: 60, loginsLeft: 1 });
  await key.wrapKey(new Secret(randomBytes(32)), utf8("x"), signal);
  assert.deepEqual(vault.paths, [LOGIN, "/v1/transit/encrypt/kek"]);
});

test("VaultTransit looks for a missing key with the token that was denied, and logs in no more for it", async () => {
  const { vault, key } = byAppRole("nothing");
  Object.assign(vault, { leaseSeconds: 60, loginsLeft: 1 });
  const wrapped = key.wrapKey(new Secret(randomBytes(32)), utf8("x"), signal);
  await assert.rejects(wrapped, (error) => error instanceof KmsError && error.code === "kms_key_missing");
  assert.deepEqual(vault.paths, [LOGIN, "/v1/transit/encrypt/nothing", "/v1/transit/keys/nothing"]);
});

test("VaultTransit asks for no key when the login of a later attempt is refused", async () => {
  const { vault } = byAppRole("kek");
  Object.assign(vault, { leaseSeconds: 60, loginsLeft: 1 });
  const fetch: Tools["fetch"] = async (url, init) => {
    const response = await vault.fetch(url, init);
    return url.includes("/encrypt/") ? jsonResponse({ errors: ["Vault is sealed"] }, 503) : response;
  };
  const tools = { ...impatientTools(fetch), readFile };
  const key = vaultTransit(ADDRESS, "kek", tools, { ...APPROLE, secretIdPath: "/secret-id" });
  const wrapped = key.wrapKey(new Secret(randomBytes(32)), utf8("x"), signal);
  await assert.rejects(wrapped, (error) => error instanceof KmsError && error.code === "kms_denied");
  assert.deepEqual(vault.paths, [LOGIN, "/v1/transit/encrypt/kek", LOGIN]);
});
