import { randomBytes } from "node:crypto";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import type { Fetch, Tools } from "../http/fetch.ts";
import { textSecret } from "../http/text-secret.ts";
import { AZURE_CLIENT, AZURE_SECRET, AZURE_TENANT, AzureStandIn } from "../testing/azure-stand-in.ts";
import { FaultyFetch } from "../testing/faults.ts";
import { kmsCompliance, type LieTest } from "../testing/kms-compliance.ts";
import { storeCompliance } from "../testing/store-compliance.ts";
import { impatientTools, patientTools } from "../testing/test-tools.ts";
import { BlobStore } from "./blob-store.ts";
import { type EntraCredentialOptions, entraToken } from "./entra-token.ts";
import { KeyVault } from "./key-vault.ts";

const { signal } = new AbortController();
const CREDENTIALS: EntraCredentialOptions = {
  from: "secret",
  tenantId: AZURE_TENANT,
  clientId: AZURE_CLIENT,
  clientSecret: textSecret(AZURE_SECRET),
};
const FORGED: EntraCredentialOptions = { ...CREDENTIALS, clientSecret: textSecret("wrong") };
const AUTHORITY = "https://login.microsoftonline.com";

function liesOf(faulty: FaultyFetch): LieTest[] {
  const lie = (title: string, during: LieTest["during"], code: LieTest["code"], changes: object): LieTest => ({
    title,
    during,
    code,
    begin: () => {
      faulty.lie = {
        about: during === "wrap" ? "/wrapkey" : "/unwrapkey",
        tell: (json) => Object.assign(json, changes),
      };
      return () => (faulty.lie = undefined);
    },
  });
  const kid = `https://example.vault.azure.net/keys/other/${"a".repeat(32)}`;
  return [
    lie("another key wrapped", "wrap", "kms_answer", { kid }),
    lie("a key of another vault wrapped", "wrap", "kms_answer", { kid: kid.replace("example", "elsewhere") }),
    lie("no value", "wrap", "kms_answer", { value: "" }),
    lie("another alphabet", "wrap", "kms_answer", { value: "+/==" }),
    lie("another key unwrapped", "unwrap", "kms_answer", { kid }),
    lie("a key of another length", "unwrap", "kms_answer", { value: "AAAA" }),
    lie("another key of the right length", "unwrap", "wrapped_key_corrupt", { value: "A".repeat(43) }),
    lie("a value that is no text", "unwrap", "kms_answer", { value: 7 }),
  ];
}

for (const type of ["vault.azure.net", "managedhsm.azure.net"]) {
  const has = ["otherKey", "wrongCredentials", "missingKey", "faulty", "lies", "disable", "enable", "destroy"] as const;
  kmsCompliance(`Azure at a stand-in, ${type}`, has, async () => {
    const azure = new AzureStandIn();
    const faulty = new FaultyFetch(azure.fetch);
    const wrapperOf = (keyName: string, tools: Tools, options = CREDENTIALS): KeyVault => {
      const token = entraToken(options, { resource: `https://${type}`, authority: AUTHORITY }, "kms", tools);
      const vaultUrl = `https://example.${type}`;
      return new KeyVault({ vaultUrl, keyName, isManagedHsm: type !== "vault.azure.net", token }, tools);
    };
    const tools = patientTools({ fetch: azure.fetch });
    const kmsOf = (...parameters: Parameters<typeof wrapperOf>): EnvelopeKms =>
      new EnvelopeKms(wrapperOf(...parameters), randomBytes);
    for (const name of ["kek", "other"]) await wrapperOf(name, tools).createKey(signal);
    const setEnabled = async (enabled: boolean): Promise<void> => {
      const key = azure.keys.get("kek");
      if (key !== undefined) key.enabled = enabled;
    };
    return {
      kind: "azure",
      kms: kmsOf("kek", tools),
      otherKey: kmsOf("other", tools),
      wrongCredentials: kmsOf("kek", tools, FORGED),
      missingKey: kmsOf("nothing", tools),
      faulty: { kms: kmsOf("kek", impatientTools(faulty.fetch, faulty)), set: (fault) => (faulty.fault = fault) },
      lies: liesOf(faulty),
      disable: () => setEnabled(false),
      enable: () => setEnabled(true),
      destroy: async () => void azure.keys.delete("kek"),
      stop: async () => undefined,
    };
  });
}

storeCompliance(
  "Azure Blob Storage at a stand-in",
  ["otherPrefix", "wrongCredentials", "missingBucket", "faulty"],
  async () => {
    const azure = new AzureStandIn();
    const faulty = new FaultyFetch(azure.fetch);
    const tools = patientTools({ fetch: azure.fetch });
    const storeOf = (container: string, prefix: string, fetch: Fetch, options: EntraCredentialOptions): BlobStore => {
      const own = fetch === azure.fetch ? tools : impatientTools(fetch, faulty);
      const token = entraToken(options, { resource: "https://storage.azure.com", authority: AUTHORITY }, "store", own);
      return new BlobStore({ containerUrl: `https://example.blob.core.windows.net/${container}`, prefix, token }, own);
    };
    return {
      store: storeOf("keys", "a/", azure.fetch, CREDENTIALS),
      other: storeOf("keys", "a/", azure.fetch, { from: "instance", clientId: undefined }),
      otherPrefix: storeOf("keys", "b/", azure.fetch, CREDENTIALS),
      wrongCredentials: storeOf("keys", "a/", azure.fetch, FORGED),
      missingBucket: storeOf("nothing", "", azure.fetch, CREDENTIALS),
      faulty: { store: storeOf("keys", "a/", faulty.fetch, CREDENTIALS), set: (fault) => (faulty.fault = fault) },
      stop: async () => undefined,
    };
  },
);
