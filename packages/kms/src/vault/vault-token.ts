import { isObject } from "@constellation/json";
import type { Secret } from "@constellation/keys";
import { answerError, call, type HttpRequest, jsonOf, textOf } from "../http/call.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { readSecretFile, revealText, textSecret } from "../http/text-secret.ts";
import { keptToken, type Token, type TokenSource } from "../http/token-source.ts";
import { vaultError } from "./vault-error.ts";

/** How to log in to Vault or OpenBao. */
export type VaultCredentialOptions =
  /** A file that an agent keeps a token in. */
  | { readonly from: "token-file"; readonly path: string }
  | { readonly from: "approle"; readonly mount: string; readonly roleId: string; readonly secretIdPath: string }
  /** The token of a pod's service account. */
  | { readonly from: "kubernetes"; readonly mount: string; readonly role: string; readonly jwtPath: string };

/** Where Vault is. */
export interface VaultAddress {
  /** Origin, such as `https://vault.example:8200`. */
  readonly address: string;
  readonly namespace: string | undefined;
}

/** A source of Vault tokens; a login is kept until shortly before its lease ends. */
export function vaultToken(options: VaultCredentialOptions, address: VaultAddress, tools: Tools): TokenSource {
  if (options.from === "token-file") return (signal) => readSecretFile(options.path, tools, signal);
  const operation: Operation = { side: "kms", name: "Log in to Vault" };
  const path = options.from === "approle" ? options.secretIdPath : options.jwtPath;
  const ask = (signal: AbortSignal): Promise<Token> =>
    call(
      operation,
      tools,
      signal,
      async (attempt) => loginRequest(options, address, await readSecretFile(path, tools, attempt)),
      (answer) => {
        if (answer.status !== 200) throw vaultError(operation, answer);
        const { auth } = jsonOf(operation, answer);
        if (!isObject(auth)) throw answerError(operation, 'no "auth"', "it");
        return tokenOf(operation, auth, tools.now());
      },
    );
  return keptToken(ask, tools.now);
}

function loginRequest(
  options: Exclude<VaultCredentialOptions, { from: "token-file" }>,
  { address, namespace }: VaultAddress,
  credential: Secret,
): HttpRequest {
  const word = revealText(credential);
  const body =
    options.from === "approle" ? { role_id: options.roleId, secret_id: word } : { role: options.role, jwt: word };
  const headers = {
    "content-type": "application/json",
    ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
  };
  return { method: "POST", url: `${address}/v1/auth/${options.mount}/login`, headers, body: JSON.stringify(body) };
}

function tokenOf(operation: Operation, auth: Readonly<Record<string, unknown>>, now: Date): Token {
  const seconds = auth["lease_duration"];
  if (!Number.isSafeInteger(seconds)) throw answerError(operation, '"lease_duration" that is no number', "seconds");
  const secret = textSecret(textOf(operation, auth, "client_token"));
  return { secret, expiresAtMs: now.getTime() + (seconds as number) * 1_000 };
}
