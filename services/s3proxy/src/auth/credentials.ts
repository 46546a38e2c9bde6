import { Secret } from "@constellation/keys";

/** A secret access key. */
export class SecretAccessKey extends Secret {
  readonly role = "secret-access-key";
}

/** Credentials of a client, or ours for the store. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: SecretAccessKey;
}

/** Why a file of credentials can't be used. Messages say which entry, never what is in it. */
class CredentialsError extends Error {
  override readonly name = "CredentialsError";
  readonly code = "credentials_invalid";
}

const ACCESS_KEY_ID = /^[A-Za-z0-9._-]{3,128}$/;
const SECRET = /^[\x21-\x7e]{8,256}$/;

/** Parses `{"accessKeyId": ..., "secretAccessKey": ...}`: our own credentials. @throws CredentialsError */
export function parseStoreCredentials(text: string): Credentials {
  return readEntry("store credentials", parseJson(text));
}

/** Parses `{"clients": [...]}`: who may use the proxy, by access key ID. @throws CredentialsError */
export function parseClientCredentials(text: string): ReadonlyMap<string, Credentials> {
  const { clients } = asRecord("client credentials", parseJson(text), ["clients"]);
  if (!Array.isArray(clients) || clients.length === 0) throw wrong("clients", "a list of one or more");
  const entries = clients.map((entry, index) => readEntry(`clients[${index}]`, entry));
  const byId = new Map(entries.map((entry) => [entry.accessKeyId, entry]));
  if (byId.size !== entries.length) throw wrong("clients", "each accessKeyId once");
  return byId;
}

function readEntry(where: string, value: unknown): Credentials {
  const { accessKeyId, secretAccessKey } = asRecord(where, value, ["accessKeyId", "secretAccessKey"]);
  if (typeof accessKeyId !== "string" || !ACCESS_KEY_ID.test(accessKeyId)) {
    throw wrong(`${where}.accessKeyId`, "3 to 128 letters, digits, '.', '_' or '-'");
  }
  if (typeof secretAccessKey !== "string" || !SECRET.test(secretAccessKey)) {
    throw wrong(`${where}.secretAccessKey`, "8 to 256 printable characters");
  }
  return { accessKeyId, secretAccessKey: new SecretAccessKey(Buffer.from(secretAccessKey, "latin1")) };
}

function asRecord(where: string, value: unknown, fields: readonly string[]): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(where, "an object");
  const names = Object.keys(value);
  if (names.length !== fields.length || !fields.every((field) => names.includes(field))) {
    throw wrong(where, `exactly the fields ${fields.join(", ")}`);
  }
  return value as Record<string, unknown>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text.
    throw wrong("file", "JSON");
  }
}

function wrong(where: string, wanted: string): CredentialsError {
  return new CredentialsError(`Read credentials failed: ${where}: wanted ${wanted}`);
}
