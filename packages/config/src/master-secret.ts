import { base64, fromBase64 } from "@constellation/bytes";
import { MasterSecret } from "@constellation/keys";
import { MASTER_SECRET_FILE } from "./constants.ts";
import { ConfigError } from "./errors.ts";
import type { Finding } from "./finding.ts";

const LENGTH_BYTES = 32;

/** Root of a cluster's key hierarchy with the salt that belongs to it. */
export interface MasterSecretFile {
  readonly masterSecret: MasterSecret;
  readonly salt: Uint8Array;
}

/**
 * Parses `constellation-mastersecret.json`: `{"key": <base64>, "salt": <base64>}`, 32 bytes each.
 *
 * @throws ConfigError `syntax` or `invalid-fields`; the message never shows what the file holds
 */
export function parseMasterSecret(json: string, name: string = MASTER_SECRET_FILE): MasterSecretFile {
  const document = parseObject(json, name);
  const findings: Finding[] = Object.keys(document)
    .filter((field) => field !== "key" && field !== "salt")
    .map((field) => ({ path: field, got: "[secret]", wanted: "no field of this name (fields here: key, salt)" }));
  const key = bytesField(document, "key", findings);
  const salt = bytesField(document, "salt", findings);
  if (key === undefined || salt === undefined || findings.length > 0) {
    throw new ConfigError("invalid-fields", `Read ${name} failed: fields are wrong`, { findings, hint: HINT });
  }
  return { masterSecret: new MasterSecret(key), salt };
}

/** Writes the master secret file. The text is secret: only a file that nobody else can read may hold it. */
export function serializeMasterSecret(file: MasterSecretFile): string {
  return `${JSON.stringify({ key: base64(file.masterSecret.reveal()), salt: base64(file.salt) })}\n`;
}

const HINT = "bring the file back from your backup; without it the cluster's disks can't be recovered";

function parseObject(json: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's message quotes the text, which is secret: it does not become the cause.
    throw new ConfigError("syntax", `Read ${name} failed: it is not JSON`, { hint: HINT });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ConfigError("syntax", `Read ${name} failed: it is not a JSON object`, { hint: HINT });
}

function bytesField(document: Record<string, unknown>, field: string, findings: Finding[]): Uint8Array | undefined {
  const wanted = `${LENGTH_BYTES} bytes in base64`;
  const value = document[field];
  if (typeof value !== "string") {
    findings.push({ path: field, got: value === undefined ? "nothing" : "another type", wanted });
    return undefined;
  }
  const bytes = decode(value);
  if (bytes?.length === LENGTH_BYTES) return bytes;
  findings.push({
    path: field,
    got: bytes === undefined ? "text that is not base64" : `${bytes.length} bytes`,
    wanted,
  });
  return undefined;
}

function decode(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}
