import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import { KmsError } from "../error.ts";
import type { Tools } from "../http/fetch.ts";
import { FaultyFetch } from "../testing/faults.ts";
import { jsonResponse, standIn } from "../testing/http-request.ts";
import { kmsCompliance, type LieTest } from "../testing/kms-compliance.ts";
import { impatientTools, patientTools } from "../testing/test-tools.ts";
import { VAULT_ROLE_ID, VAULT_SECRET_ID, VAULT_TOKEN, VaultStandIn } from "../testing/vault-stand-in.ts";
import { type VaultCredentialOptions, vaultToken } from "./vault-token.ts";
import { VaultTransit } from "./vault-transit.ts";

const { signal } = new AbortController();
const ADDRESS = { address: "https://vault.example:8200", namespace: undefined };
const FILES = new Map([
  ["/token", VAULT_TOKEN],
  ["/wrong", "hvs.wrong"],
  ["/secret-id", `${VAULT_SECRET_ID}\n`],
  ["/jwt", "eyJ"],
]);
const readFile: Tools["readFile"] = async (path) => utf8(FILES.get(path) ?? "");
const TOKEN_FILE: VaultCredentialOptions = { from: "token-file", path: "/token" };
const LOGINS: readonly VaultCredentialOptions[] = [
  TOKEN_FILE,
  { from: "approle", mount: "approle", roleId: VAULT_ROLE_ID, secretIdPath: "/secret-id" },
  { from: "kubernetes", mount: "kubernetes", role: "kms", jwtPath: "/jwt" },
];

function transit(keyName: string, tools: Tools, options = TOKEN_FILE): VaultTransit {
  return new VaultTransit({ ...ADDRESS, mount: "transit", keyName, token: vaultToken(options, ADDRESS, tools) }, tools);
}

function liesOf(faulty: FaultyFetch): LieTest[] {
  const lie = (title: string, during: LieTest["during"], code: LieTest["code"], data: object): LieTest => ({
    title,
    during,
    code,
    begin: () => {
      faulty.lie = {
        about: during === "wrap" ? "/encrypt/" : "/decrypt/",
        tell: (json) => Object.assign(json, { data }),
      };
      return () => (faulty.lie = undefined);
    },
  });
  return [
    lie("a ciphertext of another form", "wrap", "kms_answer", { ciphertext: "AAAA" }),
    lie("no ciphertext", "wrap", "kms_answer", {}),
    lie("a key of another length", "unwrap", "kms_answer", { plaintext: "AAAA" }),
    lie("another key of the right length", "unwrap", "wrapped_key_corrupt", { plaintext: `${"A".repeat(43)}=` }),
  ];
}

for (const login of LOGINS) {
  const has = ["otherKey", "wrongCredentials", "missingKey", "faulty", "lies", "destroy"] as const;
  kmsCompliance(`Vault at a stand-in, login by ${login.from}`, has, async () => {
    const vault = new VaultStandIn();
    const faulty = new FaultyFetch(vault.fetch);
    const tools = patientTools({ fetch: vault.fetch, readFile });
    for (const name of ["kek", "other"]) await transit(name, tools).createKey(signal);
    const kmsOf = (keyName: string, own: Tools, options = login): EnvelopeKms =>
      new EnvelopeKms(transit(keyName, own, options), randomBytes);
    const wrong: VaultCredentialOptions =
      login.from === "approle" ? { ...login, secretIdPath: "/wrong" } : { from: "token-file", path: "/wrong" };
    return {
      kind: "vault",
      kms: kmsOf("kek", tools),
      otherKey: kmsOf("other", tools),
      wrongCredentials: kmsOf("kek", tools, wrong),
      missingKey: kmsOf("nothing", tools),
      faulty: {
        kms: kmsOf("kek", { ...impatientTools(faulty.fetch, faulty), readFile }),
        set: (fault) => (faulty.fault = fault),
      },
      lies: liesOf(faulty),
      destroy: async () => void vault.keys.delete("kek"),
      stop: async () => undefined,
    };
  });
}

test("VaultTransit refuses a key that takes no associated data", async () => {
  const fetch = standIn(() => jsonResponse({ data: { type: "rsa-4096", derived: false } }));
  const described = transit("kek", patientTools({ fetch, readFile })).describeKey(signal);
  await assert.rejects(described, (error) => error instanceof KmsError && error.code === "kms_key_unfit");
});

test("VaultTransit tells a sealed Vault as a failure that may end", async () => {
  let asked = 0;
  const fetch = standIn(() => {
    asked += 1;
    return jsonResponse({ errors: ["Vault is sealed"] }, 503);
  });
  const tools = { ...impatientTools(fetch), readFile };
  const wrapped = transit("kek", tools).wrapKey(new Secret(randomBytes(32)), utf8("x"), signal);
  await assert.rejects(wrapped, (error) => error instanceof KmsError && error.code === "kms_failed");
  assert.equal(asked, tools.limits.maxAttempts);
});
