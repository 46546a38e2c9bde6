import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { utf8 } from "@constellation/bytes";
import { type JsonObject, parseStrictJsonObject } from "@constellation/json";
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
import { base64Url } from "../http/encoded.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { readCredentials, textSecret } from "../http/text-secret.ts";
import { keptToken, type Token, type TokenSource } from "../http/token-source.ts";

/** Where tokens of Google come from. */
export type GoogleCredentialOptions =
  /** The key file of a service account. */
  | { readonly from: "file"; readonly path: string }
  /** The service account of the machine. */
  | { readonly from: "instance" };

/** What a key file of a service account says. */
interface ServiceAccount {
  readonly clientEmail: string;
  readonly keyId: string;
  readonly key: KeyObject;
}

const METADATA = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token";
const TOKEN_URL = "https://oauth2.googleapis.com/token";
const LIFETIME_S = 3_600;

/**
 * A source of tokens ("Using OAuth 2.0 for server to server applications"; "Authenticate workloads to Google Cloud").
 * @param scope such as `https://www.googleapis.com/auth/cloudkms`
 */
export function googleToken(
  options: GoogleCredentialOptions,
  scope: string,
  side: Side,
  tools: Tools,
  tokenUrl = TOKEN_URL,
): TokenSource {
  const operation: Operation = { side, name: "Get token of Google" };
  const make = requestOf(options, scope, tools, tokenUrl);
  const ask = (signal: AbortSignal): Promise<Token> =>
    call(operation, tools, signal, make, (answer) => tokenOf(operation, answer, tools.now()));
  return keptToken(ask, tools.now);
}

function requestOf(options: GoogleCredentialOptions, scope: string, tools: Tools, tokenUrl: string): MakeRequest {
  if (options.from === "instance") {
    return () => ({ method: "GET", url: METADATA, headers: { "metadata-flavor": "Google" } });
  }
  return async (signal) => {
    const account = parseServiceAccount(await readCredentials(options.path, tools, signal), options.path);
    const form = new URLSearchParams({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: assertionOf(account, scope, tokenUrl, tools.now()),
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return { method: "POST", url: tokenUrl, headers, body: form.toString() };
  };
}

/** The file's own `token_uri` is not used: a token request goes to Google, wherever a file would send it. */
function parseServiceAccount(text: string, path: string): ServiceAccount {
  try {
    const json = parseStrictJsonObject(text);
    const [clientEmail, keyId] = [memberOf(json, "client_email"), memberOf(json, "private_key_id")];
    return { clientEmail, keyId, key: createPrivateKey(memberOf(json, "private_key")) };
  } catch {
    // No cause: it could quote the file, which holds a private key.
    const message = `Read credentials failed: got a file ${quoted(path)} of other form, wanted a service account's key file`;
    throw new KmsError("credentials_unreadable", message);
  }
}

function memberOf(json: JsonObject, key: string): string {
  const value = json[key];
  if (typeof value === "string") return value;
  throw new TypeError(key);
}

/** A JWT (RFC 7523) for an access token. */
function assertionOf({ clientEmail, keyId, key }: ServiceAccount, scope: string, audience: string, now: Date): string {
  const issued = Math.floor(now.getTime() / 1_000);
  const parts = [
    { alg: "RS256", typ: "JWT", kid: keyId },
    { iss: clientEmail, scope, aud: audience, iat: issued, exp: issued + LIFETIME_S },
  ];
  const text = parts.map((part) => base64Url(utf8(JSON.stringify(part)))).join(".");
  return `${text}.${base64Url(sign("sha256", utf8(text), key))}`;
}

function tokenOf(operation: Operation, answer: HttpAnswer, now: Date): Token {
  if (answer.status !== 200) throw errorOf(operation, answer);
  const json = jsonOf(operation, answer);
  const seconds = json["expires_in"];
  if (!Number.isSafeInteger(seconds) || (seconds as number) < 0) {
    throw answerError(operation, `"expires_in" ${quoted(seconds)}`, "seconds");
  }
  const secret = textSecret(textOf(operation, json, "access_token"));
  return { secret, expiresAtMs: now.getTime() + (seconds as number) * 1_000 };
}

function errorOf(operation: Operation, answer: HttpAnswer): KmsError {
  const word = wordsOf(answer, (json) => json["error"]);
  if (answer.status !== 400 && answer.status !== 401) return statusError(operation, answer, word);
  return new KmsError(`${operation.side}_denied`, `${operation.name} failed: got ${quoted(word)}, wanted a token`);
}
