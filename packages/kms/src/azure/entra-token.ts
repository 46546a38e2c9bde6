import type { Secret } from "@constellation/keys";
import { KmsError, quoted, type Side } from "../error.ts";
import {
  answerError,
  call,
  type HttpAnswer,
  jsonOf,
  type MakeRequest,
  statusError,
  textOf,
  wordsOf,
} from "../http/call.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { readSecretFile, revealText, textSecret } from "../http/text-secret.ts";
import { keptToken, type Token, type TokenSource } from "../http/token-source.ts";

/** Where tokens of Microsoft Entra ID come from. */
export type EntraCredentialOptions =
  | { readonly from: "secret"; readonly tenantId: string; readonly clientId: string; readonly clientSecret: Secret }
  | { readonly from: "secret-file"; readonly tenantId: string; readonly clientId: string; readonly path: string }
  /** The identity of the machine; its client ID where it has several. */
  | { readonly from: "instance"; readonly clientId: string | undefined };

const METADATA = "http://169.254.169.254/metadata/identity/oauth2/token";

/** What a token is for, and who gives it. */
export interface EntraAudience {
  /** Origin of the service, for example `https://vault.azure.net`. */
  readonly resource: string;
  /** Origin of the login service. */
  readonly authority: string;
}

/** A source of tokens for one service ("OAuth 2.0 client credentials flow"; "Use managed identities to get a token"). */
export function entraToken(
  options: EntraCredentialOptions,
  audience: EntraAudience,
  side: Side,
  tools: Tools,
): TokenSource {
  const operation: Operation = { side, name: "Get token of Microsoft Entra ID" };
  const make = requestOf(options, audience, tools);
  const ask = (signal: AbortSignal): Promise<Token> =>
    call(operation, tools, signal, make, (answer) => tokenOf(operation, answer, tools.now()));
  return keptToken(ask, tools.now);
}

function requestOf(options: EntraCredentialOptions, { resource, authority }: EntraAudience, tools: Tools): MakeRequest {
  if (options.from === "instance") {
    const query = new URLSearchParams({ "api-version": "2018-02-01", resource });
    if (options.clientId !== undefined) query.set("client_id", options.clientId);
    return () => ({ method: "GET", url: `${METADATA}?${query.toString()}`, headers: { metadata: "true" } });
  }
  const url = `${authority}/${encodeURIComponent(options.tenantId)}/oauth2/v2.0/token`;
  return async (signal) => {
    const isFile = options.from === "secret-file";
    const secret = isFile ? await readSecretFile(options.path, tools, signal) : options.clientSecret;
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: options.clientId,
      client_secret: revealText(secret),
      scope: `${resource}/.default`,
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url, headers, body: form.toString() };
  };
}

function tokenOf(operation: Operation, answer: HttpAnswer, now: Date): Token {
  if (answer.status !== 200) throw errorOf(operation, answer);
  const json = jsonOf(operation, answer);
  // A number from the login service, text from the metadata service.
  const seconds = Number(json["expires_in"]);
  if (!Number.isSafeInteger(seconds) || seconds < 0)
    throw answerError(operation, `"expires_in" ${quoted(json["expires_in"])}`, "seconds");
  return { secret: textSecret(textOf(operation, json, "access_token")), expiresAtMs: now.getTime() + seconds * 1_000 };
}

/** A wrong secret is status 400 or 401 with `invalid_client` (RFC 6749 section 5.2). */
function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  const word = wordsOf(answer, (json) => json["error"]);
  if (answer.status !== 400 && answer.status !== 401) return statusError(operation, answer, word);
  return new KmsError(`${operation.side}_denied`, `${operation.name} failed: got ${quoted(word)}, wanted a token`);
}
