import { randomBytes } from "node:crypto";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import type { Tools } from "../http/fetch.ts";
import { type VaultCredentialOptions, vaultToken } from "../vault/vault-token.ts";
import { VaultTransit } from "../vault/vault-transit.ts";
import { FaultyFetch } from "./faults.ts";
import { kmsCompliance, type LieTest } from "./kms-compliance.ts";
import { impatientTools, patientTools } from "./test-tools.ts";

/** A Vault with a transit engine, and ways to log in to it. */
export interface VaultUnderTest extends Pick<Tools, "fetch" | "readFile"> {
  readonly address: string;
  /** May make keys. */
  readonly administrator: VaultCredentialOptions;
  /** May use keys, as docs/kms.md says. */
  readonly login: VaultCredentialOptions;
  readonly wrongLogin: VaultCredentialOptions;
  readonly destroyKey: (name: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const { signal } = new AbortController();

/** What our client of Vault's transit engine must do and refuse. */
export function vaultCompliance(name: string, start: () => Promise<VaultUnderTest>): void {
  const has = ["otherKey", "wrongCredentials", "missingKey", "faulty", "lies", "destroy"] as const;
  kmsCompliance(name, has, async () => {
    const vault = await start();
    const { fetch, readFile } = vault;
    const faulty = new FaultyFetch(fetch);
    const tools = patientTools({ fetch, readFile });
    const transit = (keyName: string, own: Tools, login: VaultCredentialOptions): VaultTransit =>
      vaultTransit(vault.address, keyName, own, login);
    for (const key of ["kek", "other"]) await transit(key, tools, vault.administrator).createKey(signal);
    const kmsOf = (keyName: string, own = tools, login = vault.login): EnvelopeKms =>
      new EnvelopeKms(transit(keyName, own, login), randomBytes);
    return {
      kind: "vault",
      kms: kmsOf("kek"),
      otherKey: kmsOf("other"),
      wrongCredentials: kmsOf("kek", tools, vault.wrongLogin),
      missingKey: kmsOf("nothing"),
      faulty: {
        kms: kmsOf("kek", { ...impatientTools(faulty.fetch, faulty), readFile }),
        set: (fault) => (faulty.fault = fault),
      },
      lies: liesOf(faulty),
      destroy: () => vault.destroyKey("kek"),
      stop: vault.stop,
    };
  });
}

/** The key of a name in the engine at `transit`. */
export function vaultTransit(
  origin: string,
  keyName: string,
  tools: Tools,
  login: VaultCredentialOptions,
): VaultTransit {
  const address = { address: origin, namespace: undefined };
  return new VaultTransit({ ...address, mount: "transit", keyName, token: vaultToken(login, address, tools) }, tools);
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
